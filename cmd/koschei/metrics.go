package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei/internal/koji"
)

// newHubMetrics counts exchanges with the hub.
func newHubMetrics(r prometheus.Registerer) observer {
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "koschei_hub_calls_total",
		Help: "Exchanges with the hub, by method and by the class of their failure.",
	}, []string{"method", "failure"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "koschei_hub_call_seconds",
		Help:    "Real time that exchanges with the hub took.",
		Buckets: prometheus.ExponentialBuckets(0.002, 4, 9),
	}, []string{"method"})
	r.MustRegister(calls, seconds)
	return func(method string, class koji.Class, took time.Duration) {
		calls.WithLabelValues(method, string(class)).Inc()
		seconds.WithLabelValues(method).Observe(took.Seconds())
	}
}
