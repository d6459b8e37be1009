package selfcheck

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
)

const (
	gaugesKept = 15 * time.Second // real time; several may ask at once
	gaugesTime = 8 * time.Second  // that reading the record may take; Prometheus waits for 10
)

// Gauges tell how the record stands: freshness, backlog, findings. Every process
// tells the same, so that it is told whatever process is gone.
type Gauges struct {
	koschei.Clock // of domain time

	View  *view.View
	Log   *slog.Logger
	Rules koschei.PriorityRules

	mu     sync.Mutex
	status *view.Status // as it could last be read; nil if it never could
	since  time.Time    // when that was; real time
	failed bool         // to read it last
	tried  time.Time    // real time
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("koschei_"+name, help, labels, nil)
}

// gaugeDescs are the gauges by name.
func gaugeDescs() map[string]*prometheus.Desc {
	all := map[string]*prometheus.Desc{}
	for _, d := range []struct {
		name, help string
		labels     []string
	}{
		{"record_readable", "Whether the gauges about the record could be read: 1 or 0.", nil},
		{"record_age_seconds", "Real time since the gauges about the record were read. They go on to tell what was so then.", nil},
		{"packages", "Packages by state.", []string{"collection", "state"}},
		{"packages_due", "Packages that may be built and whose priority reaches the threshold.", []string{"collection"}},
		{"packages_held", "Packages that the scheduler passes over for a while.", []string{"collection"}},
		{"builds_running", "Packages with a build under way.", []string{"collection"}},
		{"repo_packages", "Packages in the repo that verdicts are about, by result: tried, unresolved, changed.", []string{"collection", "result"}},
		{"repo_left_out", "Entries of the latest repo's metadata that are left out, as nobody can read them.", []string{"collection"}},
		{"verdicts_repo_event", "Event of the repo that verdicts are about.", []string{"collection"}},
		{"verdicts_age_seconds", "Domain time since the repo was made that verdicts are about.", []string{"collection"}},
		{"verdicts_behind_seconds", "Domain time for which a newer repo has been there than the one that verdicts are about.", []string{"collection"}},
		{"newest_repo_event", "Event of the newest repo that is known.", []string{"collection"}},
		{"newer_repos", "Repos newer than the one that verdicts are about.", []string{"collection"}},
		{"service_success_age_seconds", "Domain time since a service last did its work for a collection.", []string{"collection", "service"}},
		{"service_trouble", "Whether a service has trouble with a collection: 1 or 0.", []string{"collection", "service"}},
		{"submissions_open", "Builds of which it is not known that the hub has them.", nil},
		{"builds_to_resolve", "Builds of which it is to be found out what they were made with.", nil},
		{"packages_to_resolve", "Tracked packages that were never resolved.", nil},
		{"deliveries_waiting", "Deliveries of events that are still to be sent.", []string{"sink"}},
		{"deliveries_oldest_seconds", "Real time for which the oldest delivery has waited to be sent.", []string{"sink"}},
		{"deliveries_dead", "Deliveries of events that were given up.", []string{"sink"}},
		{"told_seconds", "Domain time from a repo to the messages that tell what it broke or mended, of the last 1,000 that were not held back.", []string{"sink", "quantile"}},
		{"service_starts", "Starts of a service within a day of real time.", []string{"service"}},
		{"findings", "What the self-check found and what lasts, by kind.", []string{"kind"}},
	} {
		all[d.name] = desc(d.name, d.help, d.labels...)
	}
	return all
}

// Describe implements prometheus.Collector.
func (g *Gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range gaugeDescs() {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *Gauges) Collect(ch chan<- prometheus.Metric) {
	descs := gaugeDescs()
	put := func(name string, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(descs[name], prometheus.GaugeValue, value, labels...)
	}
	now := g.Now()
	s, age, failed := g.current(now)
	if failed {
		put("record_readable", 0)
	} else {
		put("record_readable", 1)
	}
	if s == nil {
		return
	}
	put("record_age_seconds", age.Seconds())
	for i := range s.Collections {
		putCollection(put, &s.Collections[i], now)
	}
	b := &s.Backlog
	put("submissions_open", float64(b.Submitting))
	put("builds_to_resolve", float64(b.BuildsPending))
	put("packages_to_resolve", float64(b.PackagesDue))
	for _, x := range s.Sinks {
		put("deliveries_waiting", float64(x.Waiting), x.Name)
		put("deliveries_oldest_seconds", x.Oldest.Seconds(), x.Name)
		put("deliveries_dead", float64(x.Dead), x.Name)
		for _, share := range []float64{0.5, 0.95} {
			if took, known := x.Took(g.Clock, share); known {
				put("told_seconds", took.Seconds(), x.Name, strconv.FormatFloat(share, 'g', -1, 64))
			}
		}
	}
	for _, x := range s.Starts {
		put("service_starts", float64(x.Count), string(x.Service))
	}
	lasting := map[koschei.FindingKind]int{}
	for _, f := range s.Findings {
		if f.Ended.IsZero() {
			lasting[f.Kind]++
		}
	}
	for _, kind := range koschei.FindingKinds() {
		put("findings", float64(lasting[kind]), string(kind))
	}
}

func putCollection(put func(name string, value float64, labels ...string), c *view.CollectionStatus, now time.Time) {
	for state, n := range c.States {
		put("packages", float64(n), c.Name, string(state))
	}
	put("packages_due", float64(c.Due), c.Name)
	put("packages_held", float64(c.Held), c.Name)
	put("builds_running", float64(c.Running), c.Name)
	put("repo_left_out", float64(c.LeftOut), c.Name)
	f := &c.Fresh
	put("newest_repo_event", float64(f.Newest.CreateEvent), c.Name)
	put("newer_repos", float64(f.Newer), c.Name)
	put("verdicts_behind_seconds", f.Behind(now).Seconds(), c.Name)
	if v := &f.Verdicts; v.RepoID != 0 {
		put("verdicts_repo_event", float64(v.CreateEvent), c.Name)
		put("verdicts_age_seconds", now.Sub(v.Created).Seconds(), c.Name)
		put("repo_packages", float64(v.Packages), c.Name, "tried")
		put("repo_packages", float64(v.PackagesFailed), c.Name, "unresolved")
		put("repo_packages", float64(v.PackagesChanged), c.Name, "changed")
	}
	for _, r := range f.Services {
		trouble := 0.0
		if r.Trouble != "" {
			trouble = 1
		}
		put("service_trouble", trouble, c.Name, string(r.Service))
		if !r.Succeeded.IsZero() {
			put("service_success_age_seconds", now.Sub(r.Succeeded).Seconds(), c.Name, string(r.Service))
		}
	}
}

// current returns how the record stands, or stood at an age when it could last be
// read, nil if it never could; and whether reading it failed.
func (g *Gauges) current(now time.Time) (s *view.Status, age time.Duration, failed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.tried) >= gaugesKept {
		g.renew(now)
	}
	return g.status, time.Since(g.since), g.failed
}

func (g *Gauges) renew(now time.Time) {
	//nolint:forbidigo // prometheus hands collectors no context
	ctx, cancel := context.WithTimeout(context.Background(), gaugesTime)
	defer cancel()
	status, err := g.View.Status(ctx, schema.Ranking{Rules: g.Rules, Now: now})
	g.tried, g.failed = time.Now(), err != nil
	if err != nil {
		g.Log.WarnContext(ctx, "metrics of the record could not be read", "error", err)
		return
	}
	g.status, g.since = status, g.tried
}
