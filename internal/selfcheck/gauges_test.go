package selfcheck

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// While the database is away metrics tell what was known last, and its age.
func TestGaugesTellWhatIsKnown(t *testing.T) {
	t.Parallel()
	cfg, outage := pgtest.Breakable(pgtest.Database(t))
	g := &Gauges{
		Clock: koschei.Clock{Read: func() time.Time { return time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC) }},
		View:  pgtest.Open(t, cfg).View, Log: slog.New(slog.DiscardHandler), Rules: koschei.DefaultPriorityRules(),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(g)
	values := func() map[string]float64 {
		t.Helper()
		g.tried = time.Time{} // not a moment ago
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				found[f.GetName()] = m.GetGauge().GetValue()
			}
		}
		return found
	}
	outage.Begin()
	if got := values(); len(got) != 1 || got["koschei_record_readable"] != 0 {
		t.Errorf("before anything is known: %v", got)
	}
	outage.End()
	if got := values(); got["koschei_record_readable"] != 1 || len(got) < 5 {
		t.Errorf("while the database answers: %v", got)
	}
	outage.Begin()
	g.since = g.since.Add(-time.Hour)
	got := values()
	if _, told := got["koschei_submissions_open"]; got["koschei_record_readable"] != 0 || got["koschei_record_age_seconds"] < 3600 || !told {
		t.Errorf("while it does not: %v", got)
	}
}
