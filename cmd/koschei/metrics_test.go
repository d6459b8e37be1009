package main

import (
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/selfcheck"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// metricsOfAll are what a process registers that runs every service.
func metricsOfAll(t *testing.T, log *slog.Logger) metrics {
	t.Helper()
	c := defaultConfig()
	c.Koji.Server = "http://localhost/kojihub"
	m := newMetrics()
	hubs, err := newHubs(c, m.hub)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{config: c, log: log, metrics: m, hubs: hubs, clock: c.Clock.clock(), db: &database{store: newStore(nil, readers{}, koschei.Policy{})}}
	for _, s := range append(services(), selfCheck()) {
		s.build(p, wiring{log: log, registry: m.registry})
	}
	return m
}

// TestMetricsPage holds the operators' page to what processes register.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	log, rules := slog.New(slog.DiscardHandler), koschei.DefaultPriorityRules()
	m := metricsOfAll(t, log)
	m.registry.MustRegister(&selfcheck.Gauges{Log: log, Rules: rules})
	if _, err := site.New(site.Config{Log: log, Rules: rules, Registry: m.registry}, true); err != nil {
		t.Fatal(err)
	}
	registered := map[string]bool{}
	descs := make(chan *prometheus.Desc, 1000)
	m.registry.Describe(descs)
	close(descs)
	name := regexp.MustCompile(`fqName: "(koschei_\w+)"`)
	for d := range descs {
		if found := name.FindStringSubmatch(d.String()); found != nil {
			registered[found[1]] = true
		}
	}
	page, err := os.ReadFile("../../docs/operations/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(koschei_\\w+)` \\|").FindAllStringSubmatch(string(page), -1) {
		told[row[1]] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(registered)), slices.Sorted(maps.Keys(told))); diff != "" {
		t.Errorf("metrics on the page (-registered +told):\n%s", diff)
	}
	for _, used := range regexp.MustCompile(`koschei_\w+`).FindAllString(string(page), -1) {
		if !registered[used] {
			t.Errorf("the page speaks of %s, which is not registered", used)
		}
	}
	page, err = os.ReadFile("../../docs/services/self-check.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range koschei.FindingKinds() {
		if !regexp.MustCompile("(?m)^\\| `" + string(kind) + "` \\|").Match(page) {
			t.Errorf("the page of the self-check does not tell of findings of kind %s", kind)
		}
	}
}
