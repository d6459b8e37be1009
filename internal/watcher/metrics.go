package watcher

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei/internal/bus"
)

// A fate is what became of a message. Of several the greatest counts.
type fate int

const (
	done       fate = iota // what it led to is stored, or there was nothing to do
	ignored                // not for us
	unreadable             // not what it claims to be
	failed                 // the hub refused to answer, or it was tried for too long
	putOff                 // it comes again
)

func (f fate) String() string {
	return [...]string{"done", "ignored", "unreadable", "failed", "put_off"}[f]
}

// Metrics count what is heard.
type Metrics struct {
	messages    *prometheus.CounterVec
	redelivered prometheus.Counter
	lag         prometheus.Histogram
	connected   prometheus.Gauge
}

// NewMetrics registers what a watcher counts. A process calls it once.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koschei_bus_messages_total",
			Help: "Messages by the end of their topic and by what became of them: done, ignored, unreadable, failed, put_off.",
		}, []string{"topic", "outcome"}),
		redelivered: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "koschei_bus_redelivered_total",
			Help: "Messages that the bus may have delivered before.",
		}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "koschei_bus_lag_seconds",
			Help:    "Domain time between the sending of a message and the end of its handling.",
			Buckets: prometheus.ExponentialBuckets(0.5, 4, 10),
		}),
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "koschei_bus_connected",
			Help: "1 while the message bus is connected.",
		}),
	}
	reg.MustRegister(m.messages, m.redelivered, m.lag, m.connected)
	return m
}

// Connected notes whether the bus is connected.
func (m *Metrics) Connected(is bool) {
	if is {
		m.connected.Set(1)
	} else {
		m.connected.Set(0)
	}
}

// count notes what became of messages.
func (s *Service) count(batch []*bus.Message, fates map[*bus.Message]fate) {
	for _, m := range batch {
		name := "other" // topics are the senders' to choose
		for _, k := range kinds() {
			if m.Topic == s.topic(k) {
				name = string(k)
			}
		}
		s.Metrics.messages.WithLabelValues(name, fates[m].String()).Inc()
		if m.Redelivered {
			s.Metrics.redelivered.Inc()
		}
		if fates[m] == done && !m.Sent.IsZero() {
			s.Metrics.lag.Observe(max(0, s.Sync.Now().Sub(m.Sent).Seconds()))
		}
	}
}
