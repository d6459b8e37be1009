package deploy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	clusterPage = "../docs/operations/kubernetes.md"
	// proxyBehind is how much later than the API server a proxy knows of a pod.
	proxyBehind = 3 * time.Second
)

// Steps of testdata/migrations that a later version of this source might have: one that
// only adds, one that begins a new hundred, and one that fails.
const adds, breaks, fails = "0091_adds.sql", "0101_breaks.sql", "0102_fails.sql"

// TestKubernetes installs and upgrades in a cluster with a real API server, by the
// handbook: with the chart alone, and with the playbooks, while people read pages.
// "make kubernetes" runs it; KOSCHEI_KUBERNETES is the directory with the programs
// that kubernetes/cluster makes.
func TestKubernetes(t *testing.T) {
	bin := os.Getenv("KOSCHEI_KUBERNETES")
	if bin == "" {
		t.Skip("run make kubernetes")
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	c := startCluster(t, bin)
	w := newWorldAt(t, clusterHost)
	images := map[string]string{}
	for version, migrations := range map[string][]string{"1.0": nil, "1.1": nil, "2.0": {adds}, "3.0": {adds, breaks}, "4.0": {adds, breaks, fails}} {
		images[version] = c.image(version, migrations...)
	}
	for _, file := range []string{"route.yaml", "imagestream.yaml", "podmonitor.yaml", "prometheusrule.yaml"} {
		c.kubectl("create", "--filename", "deploy/kubernetes/cluster/definitions/"+file)
	}
	t.Run("objects", func(t *testing.T) { c.of(t).testObjects() })
	t.Run("chart", func(t *testing.T) {
		t.Parallel()
		chartStory{c.of(t), w, images}.run()
	})
	t.Run("playbooks", func(t *testing.T) {
		t.Parallel()
		newPlaybookStory(c.of(t), w, images).run()
	})
}

// of is the cluster for a part of the test.
func (c *cluster) of(t *testing.T) *cluster {
	part := *c
	part.t = t
	return &part
}

// The API server takes all objects of testdata, as they are and without a warning.
func (c *cluster) testObjects() {
	for _, name := range []string{"kubernetes", "openshift", "suspended"} {
		c.namespace("golden-" + name)
		said := c.kubectl("--namespace", "golden-"+name, "create", "--dry-run=server", "--validate=strict", "--filename", "deploy/kubernetes/testdata/"+name+".golden.yaml")
		for line := range strings.Lines(said) {
			if !strings.HasSuffix(line, " created (server dry run)\n") {
				c.t.Errorf("%s: %s", name, line)
			}
		}
	}
	// What the cluster is there for: it says no.
	if _, err := tryIn(c.t.Context(), "", filepath.Join(c.bin, "kubectl"), "--kubeconfig", c.kubeconfig(), "--namespace", "golden-openshift",
		"run", "greedy", "--image", "registry.test/greedy:1", "--privileged", "--dry-run=server"); err == nil {
		c.t.Error("the cluster lets a pod do everything")
	}
}

// createDatabase makes one more database and returns its address.
func (w world) createDatabase(c *cluster, name string) string {
	runIn(c.t, "", "psql", "--no-psqlrc", "--dbname="+w.database, "--command", "CREATE DATABASE "+name)
	return strings.Replace(w.database, "/koschei?", "/"+name+"?", 1)
}

// layers is the world's configuration for the chart or the playbooks, with another
// database.
func (w world) layers(t *testing.T, database string) map[string]any {
	var all map[string]any
	if err := yaml.Unmarshal([]byte(strings.Replace(w.config, "hub-password", "/etc/koschei/hub-password", 1)), &all); err != nil {
		t.Fatal(err)
	}
	koji := map[string]any{}
	common := map[string]any{"database": map[string]any{"url": database}, "clock": all["clock"], "koji": koji}
	for _, key := range []string{"server", "topurl", "weburl"} { // frontends need no more of the hub
		koji[key] = all["koji"].(map[string]any)[key]
		delete(all["koji"].(map[string]any), key)
	}
	delete(all, "database")
	delete(all, "clock")
	return map[string]any{"common": common, "backend": all, "frontend": map[string]any{}, "admin": map[string]any{}}
}

// A chartStory is the life of an installation that is made with Helm alone.
type chartStory struct {
	*cluster
	world  world
	images map[string]string
}

const chartNamespace = "koschei"

func (s chartStory) run() {
	t := s.t
	values := filepath.Join(s.dir, "values.yaml")
	command := handbookCommand(t, clusterPage, "helm upgrade")
	upgrade := func(version string, linger int) {
		s.writeValues(values, version, linger)
		began := time.Now()
		s.helm(strings.Fields(strings.Replace(strings.TrimPrefix(command, "helm "), "--values values.yaml", "--values "+values, 1))...)
		t.Logf("helm upgrade to %s took %v", version, time.Since(began).Round(100*time.Millisecond))
	}
	s.namespace(chartNamespace)
	upgrade("1.0", 1)
	s.fill()

	where := s.proxyView(chartNamespace, proxyBehind)
	end := startLoad(t, where)
	upgrade("1.1", 10)
	if l := end(); l.failures() == 0 {
		t.Errorf("frontends that end before the proxy knows: nothing failed, so the load finds nothing: %v", l)
	} else {
		t.Logf("frontends that end before the proxy knows: %v", l)
	}

	schema := s.schema(chartNamespace)
	s.settle(chartNamespace)
	await(t, "the proxy has caught up", func() bool {
		addresses, err := s.endpoints(chartNamespace)
		slices.Sort(addresses)
		return err == nil && slices.Equal(addresses, slices.Sorted(slices.Values(where())))
	})
	end = startLoad(t, where)
	upgrade("2.0", 10)
	s.settle(chartNamespace)
	s.wantNoFailure(end(), "upgrade with a migration", "1.1", "2.0")
	if got := s.schema(chartNamespace); got == schema || got != "91" {
		t.Errorf("the schema was %s and is %s", schema, got)
	}

	end = startLoad(t, where)
	s.helm(append(strings.Fields(strings.TrimPrefix(handbookCommand(t, clusterPage, "helm rollback koschei"), "helm ")), "--namespace", chartNamespace)...)
	s.kubectl("--namespace", chartNamespace, "rollout", "status", "deployment/frontend", "--timeout=2m")
	s.settle(chartNamespace)
	s.wantNoFailure(end(), "way back", "2.0", "1.1")

	s.evict()
	await(t, "the CronJob has run", func() bool {
		return strings.Contains(s.kubectl("--namespace", chartNamespace, "get", "jobs", "--selector", "app.kubernetes.io/component=cron-minutely", "--output", "jsonpath={.items[*].status.succeeded}"), "1")
	})
}

// writeValues writes the values that the handbook shows, for this world.
func (s chartStory) writeValues(file, version string, linger int) {
	page := read(s.t, clusterPage)
	block := regexp.MustCompile(`(?m)^    image: \{digest[^\n]*\n(    [^\n]*\n)+`).FindString(page)
	var values map[string]any
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll("\n"+block, "\n    ", "\n")), &values); err != nil || values["config"] == nil {
		s.t.Fatalf("%s has no values: %v", clusterPage, err)
	}
	config := values["config"].(map[string]any)
	for kind, of := range s.world.layers(s.t, s.world.database) {
		if config[kind] != nil || len(of.(map[string]any)) > 0 {
			config[kind] = of
		}
	}
	values["image"] = map[string]any{"repository": "registry.test/koschei", "digest": s.images[version]}
	values["frontend"] = map[string]any{"linger": linger}
	values["backends"] = map[string]any{"watcher": map[string]any{"replicas": 0}}
	values["secrets"] = map[string]any{"files": map[string]any{"backend": map[string]any{"hub-password": "koschei"}}}
	values["cron"] = map[string]any{"minutely": map[string]any{"schedule": "* * * * *", "command": []string{"admin", "cleanup", "--older-than", "6", "--yes"}}}
	text, err := yaml.Marshal(values)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// fill makes a collection, and waits until its packages are resolved.
func (s chartStory) fill() {
	s.admin(chartNamespace, "check-config")
	s.admin(chartNamespace, "create-collection", "f44", "--display-name", "Fedora 44", "--target", "f44", "--dest-tag", "f44")
	// As the handbook tracks all.
	_, command, _ := strings.Cut(handbookCommand(s.t, installPage, "koschei-admin --config /etc/koschei add-pkg --collection f27 --all"), "/etc/koschei ")
	all := append(strings.Fields(strings.Replace(command, "f27", "f44", 1)), "--yes")
	await(s.t, "packages are known", func() bool {
		return strings.Count(s.admin(chartNamespace, append(all, "--dry-run")...), "\n") > 50
	})
	s.admin(chartNamespace, all...)
	await(s.t, "packages are resolved", func() bool {
		addresses, err := s.endpoints(chartNamespace)
		if err != nil || len(addresses) == 0 {
			return false
		}
		return strings.Contains(body("http://"+addresses[0]+"/api/v1/packages"), `"state":"ok"`)
	})
}

// settle waits until no frontend is about to end any more.
func (c *cluster) settle(namespace string) {
	c.t.Helper()
	await(c.t, "those that were replaced are gone", func() bool {
		pods := strings.Fields(c.kubectl("--namespace", namespace, "get", "pods", "--selector", "app.kubernetes.io/component=frontend", "--output", "name"))
		addresses, err := c.endpoints(namespace)
		return err == nil && len(addresses) == len(pods)
	})
}

// schema is the version of the database.
func (c *cluster) schema(namespace string) string {
	c.t.Helper()
	newest := 0
	for line := range strings.Lines(c.admin(namespace, "sql", "TABLE goose_db_version")) {
		if fields := strings.Fields(line); len(fields) > 1 {
			version, _ := strconv.Atoi(fields[1]) // of the head 0
			newest = max(newest, version)
		}
	}
	return strconv.Itoa(newest)
}

func (c *cluster) wantNoFailure(l *load, what, from, to string) {
	c.t.Helper()
	c.t.Logf("%s: %v", what, l)
	if l.failures() > 0 || len(l.took) < 500 {
		c.t.Errorf("%s: requests failed, or were too few", what)
	}
	if l.versions[from] == 0 || l.versions[to] == 0 {
		c.t.Errorf("%s: pages by version %v, want both %s and %s", what, l.versions, from, to)
	}
}

// evict asks frontends to leave a node: one may go, the second must wait.
func (s chartStory) evict() {
	pods := strings.Fields(s.kubectl("--namespace", chartNamespace, "get", "pods", "--selector", "app.kubernetes.io/component=frontend",
		"--field-selector", "status.phase=Running", "--output", "jsonpath={.items[*].metadata.name}"))
	var statuses []int
	for _, pod := range pods[:2] {
		status, err := s.ask(http.MethodPost, "/api/v1/namespaces/"+chartNamespace+"/pods/"+pod+"/eviction", map[string]any{
			"apiVersion": "policy/v1", "kind": "Eviction", "metadata": map[string]any{"name": pod, "namespace": chartNamespace},
		}, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		statuses = append(statuses, status)
	}
	if fmt.Sprint(statuses) != "[201 429]" {
		s.t.Errorf("two of three frontends were asked to leave: %v, want 201 and then 429", statuses)
	}
}

// handbookCommand is the command of a page that begins so.
func handbookCommand(t *testing.T, page, begins string) string {
	t.Helper()
	m := regexp.MustCompile("(?m)(?:^    |`)(" + regexp.QuoteMeta(begins) + "[^`\n]*)").FindStringSubmatch(read(t, page))
	if m == nil {
		t.Fatalf("%s has no command %q", page, begins)
	}
	return m[1]
}

// A playbookStory is the life of an installation that is made with the playbooks, as
// in OpenShift.
type playbookStory struct {
	*cluster
	images   map[string]string
	settings map[string]any
}

const playbookNamespace = "koschei-staging"

func newPlaybookStory(c *cluster, w world, images map[string]string) playbookStory {
	private := filepath.Join(c.dir, "private/staging")
	if err := os.MkdirAll(private, 0o700); err != nil {
		c.t.Fatal(err)
	}
	for name, text := range map[string]string{"hub-password": "koschei", "krb5.keytab.b64": "BQI="} {
		if err := os.WriteFile(filepath.Join(private, name), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	return playbookStory{c, images, map[string]any{
		"koschei_namespace": playbookNamespace, "koschei_helm": filepath.Join(c.bin, "helm"), "koschei_timeout": 180,
		"koschei_backends":     []string{"polling", "scheduler", "repo-resolver", "build-resolver"},
		"koschei_secret_files": map[string]any{"backend": []string{"hub-password"}, "admin": []string{"hub-password"}, "frontend": []string{}},
		"koschei_config":       w.layers(c.t, w.createDatabase(c, "staging")),
	}}
}

// must runs a playbook that has to succeed, and returns how much it changed.
func (s playbookStory) must(playbook string, args ...string) (changed string) {
	s.t.Helper()
	began := time.Now()
	out, changed, err := s.play(s.settings, playbook, args...)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", playbook, err, out)
	}
	s.t.Logf("%s %s took %v and changed %s", playbook, strings.Join(args, " "), time.Since(began).Round(100*time.Millisecond), changed)
	return changed
}

func (s playbookStory) run() {
	const (
		provision = "openshift-apps/koschei.yml"
		rolling   = "manual/upgrade/koschei-rolling.yml"
		full      = "manual/upgrade/koschei-full.yml"
		suspend   = "manual/koschei-suspend.yml"
	)
	t := s.t
	image := func(version string) string { return "digest=" + s.images[version] }
	s.must(provision, "-e", image("1.0"))
	if changed := s.must(provision); changed != "0" {
		t.Errorf("provisioning a second time changed %s", changed)
	}
	s.wantVersion("1.0")
	if got := s.get(playbookNamespace, "route/frontend", ".spec.tls.termination") + s.get(playbookNamespace, "imagestream/koschei", ".spec.tags[0].from.kind"); got != "edgeDockerImage" {
		t.Errorf("Route and ImageStream: %q", got)
	}

	end := startLoad(t, s.proxyView(playbookNamespace, proxyBehind))
	s.must(rolling, "-e", image("2.0"))
	s.settle(playbookNamespace)
	s.wantNoFailure(end(), rolling+" with a migration", "1.0", "2.0")
	s.wantVersion("2.0")

	s.must(suspend, "-e", "suspended=true")
	s.must(full, "-e", image("3.0"))
	s.wantVersion("3.0")
	if got := s.schema(playbookNamespace); got != "101" {
		t.Errorf("after the full upgrade the schema is %s", got)
	}
	if got := s.get(playbookNamespace, "deployment/scheduler", ".spec.replicas"); got != "0" {
		t.Errorf("the scheduler was suspended and has %s replicas after an upgrade", got)
	}

	out, _, err := s.play(s.settings, full, "-e", image("4.0"))
	if err == nil || !strings.Contains(out, "division by zero") || !strings.Contains(out, "the old version serves again") {
		t.Errorf("an upgrade whose migration fails: %v\n%s", err, out)
	}
	s.wantVersion("3.0")
	if got := s.schema(playbookNamespace); got != "101" {
		t.Errorf("after the upgrade that failed the schema is %s", got)
	}
	if changed := s.must(provision); changed != "0" {
		t.Errorf("provisioning after an upgrade that failed changed %s", changed)
	}

	s.must(suspend, "-e", "suspended=false")
	if got := s.get(playbookNamespace, "deployment/scheduler", ".status.readyReplicas"); got != "1" {
		t.Errorf("the scheduler was resumed and has %s replicas", got)
	}
}

// wantVersion wants all frontends to be ready and of a version.
func (s playbookStory) wantVersion(version string) {
	s.t.Helper()
	var pods struct {
		Items []struct {
			Status struct{ PodIP string }
		}
	}
	if err := json.Unmarshal([]byte(s.kubectl("--namespace", playbookNamespace, "get", "pods", "--selector", "app.kubernetes.io/component=frontend", "--output", "json")), &pods); err != nil {
		s.t.Fatal(err)
	}
	addresses, err := s.endpoints(playbookNamespace)
	if err != nil || len(addresses) != 2 {
		s.t.Fatalf("%d frontends are ready, %v", len(addresses), err)
	}
	for _, address := range addresses {
		got, err := askPage(http.DefaultClient, "http://"+address+"/")
		if err != nil || got != version {
			s.t.Errorf("a frontend is of version %q, %v, want %s", got, err, version)
		}
	}
}
