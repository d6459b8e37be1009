package kojisync

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
)

// Metrics count how builds ended, as this process heard it, and what it missed.
type Metrics struct {
	ended  *prometheus.CounterVec
	missed *prometheus.CounterVec
}

// NewMetrics registers them. A process calls it once.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koschei_builds_ended_total",
			Help: "Scratch builds that ended, by outcome.",
		}, []string{"outcome"}),
		missed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koschei_missed_packages_total",
			Help: "Packages whose change in a tag was noticed only when everything was asked for.",
		}, []string{"collection"}),
	}
	reg.MustRegister(m.ended, m.missed)
	return m
}

// missedChanges also makes a collection's count be there while it is 0.
func (m *Metrics) missedChanges(c *koschei.Collection, packages int) {
	if m != nil {
		m.missed.WithLabelValues(c.Name).Add(float64(packages))
	}
}

func (m *Metrics) endedAs(outcome koschei.Outcome) {
	if m != nil {
		m.ended.WithLabelValues(string(outcome)).Inc()
	}
}
