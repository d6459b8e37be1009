# What people do with this repository. "make help" lists the targets.

GO     ?= go
LINT    = $(GO) tool -modfile=tools/go.mod golangci-lint
GOTEST ?= $(GO) test

# Without it, what was compiled in one directory is compiled again in another.
export GOFLAGS := -trimpath $(GOFLAGS)

# How long each fuzz target runs. "make check" counts instead: a time that ends
# while an input is being tried is now and then reported as a failure.
FUZZTIME ?= 2m

# The same for what is sent to a site with a database, which takes longer.
FORMTIME ?= $(FUZZTIME)

# A database URL, or the directory of a private cluster; nothing of it is in the repository.
SCALE ?= $(CURDIR)/tmp/scale

# Days that "make month" simulates, and how many packages it makes up instead of
# taking those of a large distribution; 0 takes those.
DAYS ?= 30
PACKAGES ?= 0

# Of what is built for others.
VERSION ?= $(shell tools/version)

HELM ?= helm

# Where "make systemd" keeps a small Debian for the next time (some 300 MB).
MACHINE ?= $(CURDIR)/tmp/machine

# One part of "make siege", such as drip; all if it is empty.
PART ?=

# Where "make kubernetes" puts the programs of a cluster, among them a helm for "make
# charts", and which version of Kubernetes they are told that they are of.
CLUSTER ?= $(CURDIR)/tmp/cluster
CLUSTER_IS = $(foreach v,component-base/version.gitVersion=v1.37.2 component-base/version.gitMajor=1 component-base/version.gitMinor=37,-X k8s.io/$(v)) \
	$(foreach p,chartutil lint/rules,-X helm.sh/helm/v3/pkg/$(p).k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/$(p).k8sVersionMinor=37) \
	-X helm.sh/helm/v3/internal/version.version=v3.22.0

.DEFAULT_GOAL := help
.PHONY: help build demo run check format lint tidy test browser bench fuzz fuzz-short scale takeover objects schemas charts kubernetes image rpm systemd ansible release oracle kerberos vuln chaos chaos-short told told-short siege month clean

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

build: ## build bin/koschei and bin/kojisim
	$(GO) build -o bin/ ./cmd/...
	@ln -sf koschei bin/koschei-admin

demo: build ## run all of Koschei on a small simulated distribution, page on http://127.0.0.1:8080
	@tools/require postgresql
	@exec bin/koschei demo $(DEMO)

run: build ## run one service, as in: make run S=scheduler
	@exec bin/koschei $(S)

check: format lint tidy test objects fuzz-short chaos-short told-short ## everything CI runs

format:
	@$(LINT) fmt --diff

lint:
	$(LINT) run

tidy: # generated files are up to date
	$(GO) mod tidy -diff

test:
	@tools/require postgresql rabbitmq systemd rpmlint prometheus
	$(GOTEST) -race -vet=off -timeout 25m ./... # lint vets

browser: ## pages in a browser: on phones and wide screens, light and dark, with script and without
	@tools/require postgresql chromium
	KOSCHEI_BROWSER=1 $(GOTEST) -run InBrowser -timeout 10m ./internal/web/site

bench: ## print the figures of docs/performance.md, in CPU seconds and peak memory
	@tools/require postgresql rabbitmq
	$(GOTEST) -run '^$$' -bench . -benchtime 1x -timeout 1h ./...
	$(if $(wildcard $(SCALE)),KOSCHEI_SCALE=$(SCALE) $(GOTEST) -run '^$$' -bench '^BenchmarkPages$$' -benchtime 1x -timeout 1h ./internal/web/site)

# Package and name of every fuzz target.
FUZZ = rpm/FuzzParseDep rpm/FuzzCompareVersions repodata/FuzzScanPrimary repodata/FuzzScanOthers \
	koji/xmlrpc/FuzzDecode depset/FuzzDecode web/api/v2/FuzzRead web/site/FuzzArguments

fuzz: ## fuzz each parser, and all forms and bodies, for FUZZTIME, 2 minutes if not given
	@tools/require postgresql
	@for t in $(FUZZ); do \
		$(GOTEST) -run '^$$' -fuzz "^$${t##*/}$$" -fuzztime $(FUZZTIME) ./internal/$${t%/*} || exit 1; \
	done
	@$(GOTEST) -run '^$$' -fuzz '^FuzzForms$$' -fuzztime $(FORMTIME) ./internal/web/site

fuzz-short:
	@$(MAKE) --no-print-directory fuzz FUZZTIME=10000x FORMTIME=300x

scale: ## make the record of a large distribution's three months in tmp/scale (some 3 GB), measure on it
	@tools/require postgresql
	KOSCHEI_SCALE=$(SCALE) $(GOTEST) -tags scale -run '^TestMakeScale$$' -v -timeout 1h ./internal/record
	KOSCHEI_SCALE=$(SCALE) $(GOTEST) -tags scale -run '^$$' -bench '^BenchmarkScale$$' -benchtime 1x -timeout 1h ./internal/record
	KOSCHEI_SCALE=$(SCALE) $(GOTEST) -run '^$$' -bench '^BenchmarkPages$$' -benchtime 1x -timeout 1h ./internal/web/site

takeover: ## take over six months of 24,000 packages from an original, with a hub as busy as Fedora's (some 8 GB in tmp)
	@tools/require postgresql
	@mkdir -p tmp
	GOTMPDIR=$${TMPDIR:-/tmp} TMPDIR=$(CURDIR)/tmp $(GOTEST) -tags scale,halfyear -count=1 -run '^TestScaleTakeover$$' -v -timeout 3h ./internal/record

chaos: ## kill services a thousand times while hub and database fail (some 15 minutes), compare with the truth
	@tools/require postgresql rabbitmq
	KOSCHEI_CHAOS=long $(GOTEST) -count=1 -run '^TestChaos$$' -v -timeout 50m ./internal/chaos

siege: ## have clients, networks, clocks, repos and hubs be at their worst (some 30 minutes), print what becomes of the rest; PART=drip for one part
	@tools/require postgresql rabbitmq libfaketime
	KOSCHEI_SIEGE=1 $(GOTEST) -count=1 -run '^TestSiege$$/$(PART)' -v -timeout 90m ./internal/chaos
	$(if $(PART),,KOSCHEI_SIEGE=1 $(GOTEST) -count=1 -run '^(TestFuzzedRequests|TestHostileNames|TestBombs)$$' -v -timeout 30m ./internal/web/site ./internal/repodata)

month: ## let a month of two large collections pass (some 59 minutes), compare its first day with its last, and all states with the truth
	@tools/require postgresql rabbitmq
	KOSCHEI_MONTH=$(DAYS) KOSCHEI_MONTH_PACKAGES=$(PACKAGES) $(GOTEST) -count=1 -run '^TestMonth$$' -v -timeout 90m ./internal/chaos

chaos-short:
	@tools/require postgresql rabbitmq
	KOSCHEI_CHAOS=short $(GOTEST) -count=1 -run '^TestChaos$$' -v -timeout 5m ./internal/chaos

told: ## tell of 10,000 changes while all receivers are in trouble and notifiers are killed 200 times (some 6 minutes)
	@tools/require postgresql rabbitmq
	KOSCHEI_TOLD=long $(GOTEST) -count=1 -run '^TestTold$$' -v -timeout 30m ./internal/chaos

told-short:
	@tools/require postgresql rabbitmq
	KOSCHEI_TOLD=short $(GOTEST) -count=1 -run '^TestTold$$' -v -timeout 5m ./internal/chaos

oracle: ## compare the solver with a fresh libsolv and hawkey
	@tools/require python3-solv python3-hawkey
	KOSCHEI_ORACLE=1 $(GOTEST) -run 'Fresh|Oracle' -v -timeout 2h ./internal/depsolve

schemas: ## hold what is published on the message bus to its schemas with a validator that others have written
	@tools/require postgresql python3-jsonschema
	KOSCHEI_JSONSCHEMA=1 $(GOTEST) -count=1 -run 'Schema|Messages|Heartbeat|Bus' -v ./internal/notifier

kerberos: ## log in to a hub with tickets of a real KDC, and through Apache
	@tools/require krb5-kdc krb5-admin-server krb5-user apache2 libapache2-mod-auth-gssapi
	KOSCHEI_KERBEROS=1 KOSCHEI_APACHE=1 $(GOTEST) -run 'Kerberos|Late' -v ./internal/koji

objects: # an API server would take what the chart makes
	$(GO) -C deploy/kubernetes test -vet=off ./...

charts: ## make the chart's objects anew with Helm, which HELM names, and try wrong values
	UPDATE_GOLDEN=1 HELM=$(HELM) $(GO) -C deploy/kubernetes test -vet=off -count=1 -run '^TestRender$$' ./...
	HELM=$(HELM) $(GO) -C deploy/kubernetes test -vet=off -count=1 ./...

kubernetes: ## install and upgrade in a Kubernetes of one node while pages are read (root, 8 minutes; compiling it takes 20 CPU minutes, once)
	@tools/require postgresql runc ansible python3-kubernetes
	@mkdir -p $(CLUSTER)
	$(GO) -C deploy/kubernetes/cluster build -o $(CLUSTER)/ -ldflags '-s -w $(CLUSTER_IS)' . helm.sh/helm/v3/cmd/helm k8s.io/kubernetes/cmd/kubectl
	KOSCHEI_KUBERNETES=$(CLUSTER) $(GOTEST) -count=1 -run '^(TestTwoVersions|TestKubernetes)$$' -v -timeout 20m ./deploy

image: ## build image and release twice, push the image to a registry, run all its services as containers (root, some minutes)
	@tools/require postgresql buildah skopeo runc umoci docker-registry rpm
	KOSCHEI_IMAGE=1 $(GOTEST) -count=1 -run '^(TestImage|TestRelease)$$' -v -timeout 20m ./deploy

rpm: ## build the RPM twice, look at it with rpmlint, install it into an empty root (root)
	@tools/require rpm rpmlint
	KOSCHEI_RPM=1 $(GOTEST) -count=1 -run '^TestRPM$$' -v -timeout 20m ./deploy

systemd: ## install the RPM in a booted Debian, type what the handbook says, kill, freeze and stop the units (root, some minutes)
	@tools/require postgresql rpm rpmlint mmdebstrap systemd-container
	KOSCHEI_SYSTEMD=$(MACHINE) $(GOTEST) -count=1 -run '^(TestSystemd|TestAfternoon)$$' -v -timeout 20m ./deploy

ansible: ## look at the playbooks with ansible and ansible-lint, and at what they would say to a cluster
	@tools/require ansible ansible-lint python3-kubernetes
	KOSCHEI_ANSIBLE=1 $(GOTEST) -count=1 -run '^TestAnsible$$' -v ./deploy

release: ## build what a release consists of into dist/: program, image, RPM, chart, bill of materials, checksums (root)
	@tools/require buildah rpm
	VERSION=$(VERSION) deploy/release dist

vuln: ## look for known vulnerabilities, with a database from the module proxy
	@tools/vuln

clean: ## remove what was built
	rm -rf bin dist
