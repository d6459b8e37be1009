package notifier

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what a process delivers.
type Metrics struct {
	deliveries *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
}

// NewMetrics registers what a notifier counts. A process calls it once.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koschei_delivery_attempts_total",
			Help: "Attempts to deliver an event by how they ended: sent, failed, given_up.",
		}, []string{"sink", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "koschei_delivery_seconds",
			Help:    "Real time that an attempt to deliver an event took.",
			Buckets: prometheus.ExponentialBuckets(0.002, 4, 8),
		}, []string{"sink"}),
	}
	reg.MustRegister(m.deliveries, m.seconds)
	return m
}

func (m *Metrics) count(sink, outcome string, took time.Duration) {
	m.deliveries.WithLabelValues(sink, outcome).Inc()
	m.seconds.WithLabelValues(sink).Observe(took.Seconds())
}
