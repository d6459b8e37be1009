# What people do with this repository. "make help" lists the targets.

GO     ?= go
LINT    = $(GO) tool -modfile=tools/go.mod golangci-lint
GOTEST ?= $(GO) test

.DEFAULT_GOAL := help
.PHONY: help build demo check format lint tidy test bench scale clean

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

build: ## build bin/koschei and bin/kojisim
	$(GO) build -o bin/ ./cmd/...
	@ln -sf koschei bin/koschei-admin

demo: build ## run all of Koschei on a small simulated distribution, page on http://127.0.0.1:8080
	@tools/require postgresql
	@exec bin/koschei demo $(DEMO)

check: format lint tidy test ## everything CI runs

format:
	@$(LINT) fmt --diff

lint:
	$(LINT) run

tidy: # generated files are up to date
	$(GO) mod tidy -diff

test:
	@tools/require postgresql
	$(GOTEST) -race -timeout 20m ./...

bench: ## print the table of docs/performance.md, in CPU seconds and peak memory
	@tools/require postgresql
	$(GOTEST) -run '^$$' -bench . -benchtime 1x ./...

# A database URL, or the directory of a private cluster; nothing of it is in the repository.
SCALE ?= $(CURDIR)/tmp/scale

scale: ## make the record of a large distribution's three months in tmp/scale (some 3 GB), measure on it
	@tools/require postgresql
	KOSCHEI_SCALE=$(SCALE) $(GOTEST) -run '^TestMakeScale$$' -v -timeout 1h ./internal/postgres
	KOSCHEI_SCALE=$(SCALE) $(GOTEST) -run '^$$' -bench '^BenchmarkScale$$' -benchtime 1x -timeout 1h ./internal/postgres

clean: ## remove what was built
	rm -rf bin
