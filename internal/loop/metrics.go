package loop

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count the passes of all loops of a process, and tell which of the
// loops have failed for long.
type Metrics struct {
	health health

	passes      *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	lastSuccess *prometheus.GaugeVec
}

// NewMetrics registers what loops count. A process calls it once.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		health: health{loops: map[string]*fare{}},
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koschei_passes_total",
			Help: "Passes of a service by outcome, ok or failed.",
		}, []string{"service", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "koschei_pass_duration_seconds",
			Help:    "How long a pass of a service took.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
		}, []string{"service"}),
		lastSuccess: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "koschei_last_success_timestamp_seconds",
			Help: "When a pass of a service last ended well.",
		}, []string{"service"}),
	}
	reg.MustRegister(m.passes, m.duration, m.lastSuccess)
	return m
}

func (m *Metrics) begin(service string, p *pulse, now time.Time) {
	if m != nil {
		m.health.begin(service, p, now)
	}
}

func (m *Metrics) observe(service string, err error, took time.Duration, now time.Time) {
	if m == nil {
		return
	}
	m.health.end(service, err, now)
	outcome := "failed"
	if err == nil {
		outcome = "ok"
		m.lastSuccess.WithLabelValues(service).Set(float64(now.UnixMilli()) / 1e3)
	}
	m.passes.WithLabelValues(service, outcome).Inc()
	m.duration.WithLabelValues(service).Observe(took.Seconds())
}
