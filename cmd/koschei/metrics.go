package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
)

// metrics are what all services of a process count together. What only one of
// them counts it registers when it is built; requests are counted by package web.
type metrics struct {
	registry *prometheus.Registry
	hub      observer
	loops    *loop.Metrics
	builds   *kojisync.Metrics
}

func newMetrics() metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return metrics{registry: r, hub: newHubMetrics(r), loops: loop.NewMetrics(r), builds: kojisync.NewMetrics(r)}
}

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
