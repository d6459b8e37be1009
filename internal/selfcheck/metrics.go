package selfcheck

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
)

// Metrics count what the self-check repaired. What it found and could not repair
// lasts, and is told from the record.
type Metrics struct {
	repairs *prometheus.CounterVec
}

// NewMetrics registers them. A process calls it once.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "koschei_selfcheck_repairs_total",
		Help: "Packages, builds and other things that the self-check repaired, by kind of finding.",
	}, []string{"kind"})}
	for _, kind := range koschei.FindingKinds() {
		m.repairs.WithLabelValues(string(kind))
	}
	reg.MustRegister(m.repairs)
	return m
}

func (m *Metrics) found(f *koschei.Finding) {
	if m != nil && f.Repair != "" {
		m.repairs.WithLabelValues(string(f.Kind)).Add(float64(f.Count))
	}
}
