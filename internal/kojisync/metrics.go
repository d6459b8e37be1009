package kojisync

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
)

// Metrics count how builds ended, as this process heard it.
type Metrics struct {
	ended *prometheus.CounterVec
}

// NewMetrics registers them. A process calls it once.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "koschei_builds_ended_total",
		Help: "Scratch builds that ended, by outcome.",
	}, []string{"outcome"})}
	reg.MustRegister(m.ended)
	return m
}

func (m *Metrics) endedAs(outcome koschei.Outcome) {
	if m != nil {
		m.ended.WithLabelValues(string(outcome)).Inc()
	}
}
