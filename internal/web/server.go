// Package web serves a table of routes over HTTP. What is at an address, who
// may ask for it, how long it may be kept, how errors are told: all of that is
// decided in the table and nowhere else. The packages below pages and api make
// routes, package site puts them together.
//
// Here is what routes have in common: the server's life, the way of a request
// to its handler (see chain), the one place that turns errors into answers,
// headers, metrics, health, and what surrounds every page. The package changes
// nothing in the record, never calls Koji and needs no other service to run.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A Server serves a table of routes. It is made by New.
type Server struct {
	Config
	took    *prometheus.HistogramVec
	real    func() time.Time
	frames  *frames
	clients clients
	guesses buckets[netip.Addr] // of tokens that are none
	changes buckets[string]     // by user
	piece   time.Duration       // that a client has to take a piece of an answer; real time
	shown   *shown
	live    *live
	mux     *http.ServeMux
	handler http.Handler // mux with what is common to all routes
	methods []string     // that any route has
}

// A Config is what a Server is made of. All of it but SignIn, Edit, Changes,
// Live, Limits and FormTargets must be set.
type Config struct {
	Routes    []Route
	View      *view.View
	Templates *html.Templates
	Log       *slog.Logger
	Clock     koschei.Clock // domain time
	Registry  *prometheus.Registry
	Identity  Identity
	SignIn    bool         // whether anybody can sign in, at /login
	Edit      *edit.Editor // by whom what people change is changed; nil if nobody can sign in
	Version   string       // told on pages
	Limits    Limits

	// Changes tells when what is kept of Kept routes does not hold any more. If it
	// is nil nothing is kept.
	Changes Changes

	// Live rings when something changes, for those who are told of it as it happens.
	// If it is nil the server looks by itself.
	Live Bell

	// FormTargets are the origins, as https://id.example.org, that posting a form
	// may lead to besides our own: see contentSecurityPolicy. It may be empty.
	FormTargets []string
}

// New returns a server of the routes in c. An error says what is not decided
// about one of them, or is wrong with a template.
func New(c Config) (*Server, error) {
	took, err := requestMetrics(c.Registry)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Config: c, took: took, real: time.Now, piece: pieceTimeout, frames: newFrames(time.Now), mux: http.NewServeMux(),
		shown: newShown(c.Changes, time.Now, c.Clock.Speed),
	}
	s.live = newLive(c.View, c.Live, c.Log, func(ctx context.Context) (*view.Pulse, error) { return s.frames.pulse.Get(ctx, "", c.View.Pulse) })
	errs := []error{c.Templates.Check()}
	for _, route := range c.Routes {
		if err := route.check(); err != nil {
			errs = append(errs, err)
			continue
		}
		s.mux.Handle(strings.TrimSpace(route.Method+" "+route.Pattern), s.serve(&route))
		if route.Method != "" && !slices.Contains(s.methods, route.Method) {
			s.methods = append(s.methods, route.Method)
		}
	}
	s.handler = secure(contentSecurityPolicy(c.FormTargets), gzhttp.GzipHandler(s.mux))
	return s, errors.Join(errs...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// contentSecurityPolicy keeps browsers from doing more than pages need: they
// load one style sheet, one script and icons from here, and send forms to us
// alone. Nothing that stands in a page is run.
//
// Some browsers hold form-action against redirects too. So a button that posts
// to us, whose answer leads on to a login provider, is stopped without a word
// unless the provider's origin is among formTargets. A link is not held to it.
func contentSecurityPolicy(formTargets []string) string {
	forms := strings.Join(append([]string{"'self'"}, formTargets...), " ")
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action " + forms + "; base-uri 'none'; frame-ancestors 'none'"
}

// secure adds the headers that keep browsers from doing more than pages need.
func secure(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// Limits of a connection, in real time. A piece of an answer must be taken within
// pieceTimeout, so that who reads slowly is served, and who does not read is not.
const (
	readTimeout  = 10 * time.Second
	writeTimeout = 2 * time.Minute // until the first piece
	pieceTimeout = 20 * time.Second
	idleTimeout  = 2 * time.Minute
	stopTimeout  = 3 * time.Second
)

// Run serves on listener, which it closes, until ctx ends, and then lets
// requests under way finish for a moment.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	ctx, cancel := context.WithCancel(ctx)
	server.RegisterOnShutdown(s.live.end) // who listens would never have finished
	listening := make(chan struct{})
	go func() { defer close(listening); s.live.run(ctx) }()
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stopped <- stop(ctx, server)
	}()
	err := server.Serve(listener)
	cancel()
	<-listening
	if !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(fmt.Errorf("serving on %s: %w", listener.Addr(), err), <-stopped)
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
