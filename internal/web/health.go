package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Health says how a process is.
type Health struct {
	// Ready returns nil when the record can be read. It has a connection to the
	// database that pages cannot take.
	Ready func(context.Context) error

	// Failing returns a sentence for each service of the process that has failed
	// for long; nil if there are none.
	Failing func() []string

	// Stuck says that the process does not get on and is best started again; nil if
	// it always does.
	Stuck func() bool

	// Ending says that the process was told to end and goes on serving for a
	// moment only; nil if it ends at once.
	Ending func() bool

	// OnlyServices is for a process that is there for them, and is not ready when
	// one fails. Any other is for its pages.
	OnlyServices bool
}

// Routes are the addresses that ask how the process is.
func (h Health) Routes() []Route {
	return []Route{
		{Method: http.MethodGet, Pattern: "/livez", Handler: h.alive, Access: Public, Errors: Text, Label: "livez", Unlimited: true},
		{Method: http.MethodGet, Pattern: "/readyz", Handler: h.ready, Access: Public, Errors: Text, Label: "readyz", Unlimited: true},
	}
}

// alive says that the process need not be started again.
func (h Health) alive(*Request) (Answer, error) {
	if h.Stuck != nil && h.Stuck() {
		return unavailable("stuck\n" + strings.Join(h.Failing(), "\n")), nil
	}
	return Line("ok"), nil
}

// unavailable is an answer to who asks for the process's health.
func unavailable(text string) Answer {
	answer := Line(text)
	answer.Status = http.StatusServiceUnavailable
	return answer
}

// ready says that pages can be served: the database answers and has a schema
// they can be read from. It tells of the services that fail in either case. A
// process that is about to end is not ready, so that nobody new is sent to it.
func (h Health) ready(r *Request) (Answer, error) {
	if h.Ending != nil && h.Ending() {
		return unavailable("not ready\nthe process is ending"), nil
	}
	if err := h.Ready(r.Context()); err != nil {
		return Answer{}, &notReadyError{err}
	}
	failing := h.Failing()
	switch {
	case len(failing) == 0:
		return Line("ok"), nil
	case h.OnlyServices:
		return unavailable("not ready\n" + strings.Join(failing, "\n")), nil
	}
	return Line("ok\n" + strings.Join(failing, "\n")), nil
}

// Metrics is the address where Prometheus reads what registry has.
func Metrics(registry *prometheus.Registry) Route {
	serve := promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorLog: nil})
	handler := func(r *Request) (Answer, error) {
		return Answer{Stream: func(w http.ResponseWriter) error {
			serve.ServeHTTP(w, r.Request)
			return nil
		}}, nil
	}
	return Route{Method: http.MethodGet, Pattern: "/metrics", Handler: handler, Access: Public, Errors: Text, Label: "metrics", Unlimited: true}
}

// requestMetrics registers how long requests take, by route and status. A
// registry that has it already gives its own.
func requestMetrics(registry *prometheus.Registry) (*prometheus.HistogramVec, error) {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "koschei_http_request_seconds",
		Help:    "Time taken to answer requests; status is canceled if the client went away.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"route", "status"})
	err := registry.Register(took)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		if known, ok := there.ExistingCollector.(*prometheus.HistogramVec); ok {
			return known, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	return took, nil
}
