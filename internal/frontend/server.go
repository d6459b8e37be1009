// Package frontend serves pages to people and JSON to programs over HTTP. It
// reads the record through package postgres and does nothing else: it changes
// nothing, never calls Koji and needs no other service to run.
//
// What is shown at an address is the business of packages pages and api. Here
// is what they have in common: the server's life, the table of addresses, the
// one place that turns errors into answers, headers, metrics and health.
package frontend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/frontend/pages"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A Server serves pages. All fields from DB to Registry must be set.
type Server struct {
	DB       *postgres.DB
	Log      *slog.Logger
	Now      func() time.Time // domain time
	Rules    koschei.PriorityRules
	Registry *prometheus.Registry // served on /metrics; the server adds its own
	Config   pages.Config

	// Failing returns a sentence for each service of the process that has failed
	// for long; nil if there are none. If OnlyServices is set the process is
	// there for them, and is not ready when one fails; else it is for its pages.
	Failing      func() []string
	OnlyServices bool
}

// Limits of a connection, in real time. Answers take far less; who reads more
// slowly than this is not served.
const (
	readTimeout  = 10 * time.Second
	writeTimeout = 2 * time.Minute
	idleTimeout  = 2 * time.Minute
	stopTimeout  = 3 * time.Second
)

// Run serves on listener, which it closes, until ctx ends, and then lets
// requests under way finish for a moment.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	handler, err := s.Handler()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stopped <- stop(ctx, server)
	}()
	err = server.Serve(listener)
	cancel()
	if !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(fmt.Errorf("serving pages: %w", err), <-stopped)
	}
	return <-stopped
}

// stop lets requests under way finish for a moment, and then no more.
func stop(ctx context.Context, server *http.Server) error {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(grace); err != nil { // somebody is still reading
		return server.Close()
	}
	return nil
}
