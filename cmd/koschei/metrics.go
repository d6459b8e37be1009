package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/logreader"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/scheduler"
	"github.com/koschei-ci/koschei/internal/selfcheck"
	"github.com/koschei-ci/koschei/internal/watcher"
)

// metrics are all that a process counts, whatever services it runs, but for
// requests, which package web counts, and what it tells of the record.
type metrics struct {
	registry  *prometheus.Registry
	hub       observer
	loops     *loop.Metrics
	builds    *kojisync.Metrics
	scheduler *scheduler.Metrics
	selfCheck *selfcheck.Metrics
	watcher   *watcher.Metrics
	notifier  *notifier.Metrics
	logReader *logreader.Metrics
}

func newMetrics() metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return metrics{
		registry: r, hub: newHubMetrics(r), loops: loop.NewMetrics(r), builds: kojisync.NewMetrics(r),
		scheduler: scheduler.NewMetrics(r), selfCheck: selfcheck.NewMetrics(r), watcher: watcher.NewMetrics(r),
		notifier: notifier.NewMetrics(r), logReader: logreader.NewMetrics(r),
	}
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
