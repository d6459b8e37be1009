package logreader

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei/internal/buildlog"
)

// Metrics counts what was found in logs.
type Metrics struct{ failures *prometheus.CounterVec }

// NewMetrics returns Metrics that r tells.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "koschei_failures_read_total",
		Help: "Failed builds whose logs were read, by what was found: error, lines, nothing.",
	}, []string{"found"})}
	for _, found := range []string{"error", "lines", "nothing"} {
		m.failures.WithLabelValues(found)
	}
	r.MustRegister(m.failures)
	return m
}

func (m *Metrics) read(e *buildlog.Excerpt) {
	switch {
	case m == nil:
	case e == nil:
		m.failures.WithLabelValues("nothing").Inc()
	case e.Kind == "":
		m.failures.WithLabelValues("lines").Inc()
	default:
		m.failures.WithLabelValues("error").Inc()
	}
}
