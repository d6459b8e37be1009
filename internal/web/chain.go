package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/koschei-ci/koschei"
)

// An exchange is a request on its way to its handler and back.
type exchange struct {
	w     *recorder
	r     *http.Request
	whole *http.Request // r without a limit of time
	route *Route
	log   *slog.Logger
	who   koschei.Actor
}

// A step answers an exchange or says why it cannot.
type step func(*exchange) error

// chain is the way of a request through the server, outermost first: what is
// further in may rely on what is before it.
func (s *Server) chain() step {
	next := s.handle
	for _, wrap := range []func(step) step{s.paced, s.identify, bounded, readable, s.sameOrigin, inTime, s.limited, recovered} {
		next = wrap(next)
	}
	return next
}

// serve is the route as net/http wants it. Every request is counted, every
// error answered, here.
func (s *Server) serve(route *Route) http.Handler {
	chain := s.chain()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, id := s.real(), rand.Text()
		x := &exchange{w: &recorder{ResponseWriter: w, status: http.StatusOK, within: s.piece}, r: r, whole: r, route: route, log: s.Log.With("request", id)}
		x.w.Header().Set("X-Request-Id", id)
		err := chain(x)
		gone := x.w.failed || err != nil && errors.Is(r.Context().Err(), context.Canceled)
		broken := err != nil && x.w.written
		if err != nil && !gone {
			s.fail(x, err)
		}
		status := strconv.Itoa(x.w.status)
		if gone {
			status = "canceled" // nobody is there to be told, and it is no mistake
		}
		took := s.real().Sub(start)
		s.took.WithLabelValues(route.Label, status).Observe(took.Seconds())
		x.log.DebugContext(r.Context(), "request answered", "route", route.Label, "status", status, "took", took)
		if broken {
			panic(http.ErrAbortHandler) // how net/http is told to break an answer off
		}
	})
}

// recovered makes a panic an error: it is a mistake of ours in one page, and no
// reason to show nothing of the others.
func recovered(next step) step {
	return func(x *exchange) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			}
		}()
		return next(x)
	}
}

// requestTimeout is far longer than any answer takes that is of use.
const requestTimeout = time.Minute

func inTime(next step) step {
	return func(x *exchange) error {
		ctx, cancel := context.WithTimeout(x.r.Context(), requestTimeout)
		defer cancel()
		x.r = x.r.WithContext(ctx)
		return next(x)
	}
}

// sameOrigin refuses what a browser sends for another site, whatever the route.
func (s *Server) sameOrigin(next step) step {
	protection := http.NewCrossOriginProtection()
	return func(x *exchange) error {
		if err := protection.Check(x.r); err != nil {
			return koschei.Refusal(koschei.ErrForbidden, "this was sent from a page of another site, and nothing was changed")
		}
		return next(x)
	}
}

// mostSent bounds what a request may send: a group of some ten thousand packages.
const mostSent = 1 << 20

// bounded keeps requests from sending more than anybody needs.
func bounded(next step) step {
	return func(x *exchange) error {
		x.r.Body = http.MaxBytesReader(x.w, x.r.Body, mostSent)
		return next(x)
	}
}

// readable refuses what cannot be the name of anything, nor be stored or looked
// for in the record.
func readable(next step) step {
	return func(x *exchange) error {
		if !isText(x.r.URL) {
			return fmt.Errorf("the address is not text in UTF-8: %w", koschei.ErrInvalid)
		}
		return next(x)
	}
}

func isText(u *url.URL) bool { return textual(url.Values{u.Path: nil}) && textual(u.Query()) }

// textual says whether arguments are text, which the record can store.
func textual(args url.Values) bool {
	for key, values := range args {
		for _, text := range append([]string{key}, values...) {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return false
			}
		}
	}
	return true
}

// identify finds out who asks, and whether they may.
func (s *Server) identify(next step) step {
	return func(x *exchange) (err error) {
		if x.who, err = s.whose(x.r); err != nil {
			return err
		}
		switch {
		case x.route.Access == Public:
		case x.who.Name == "":
			return &signInError{}
		case !x.who.Uses(x.route.Scope):
			return &scopeError{x.route.Scope}
		case x.route.Access == Admins && !x.who.Admin:
			return koschei.Refusal(koschei.ErrForbidden, "only administrators may do this")
		}
		if x.who.Name != "" && x.route.Cache == "" {
			x.w.Header().Set("Cache-Control", "private, no-cache") // it may tell of who asked
		}
		return next(x)
	}
}

// handle asks the route's handler and sends its answer, or the one that it gave
// before.
func (s *Server) handle(x *exchange) error {
	r := &Request{
		Request: x.r, Actor: x.who, View: s.View, Edit: s.Edit, Now: s.Clock.Now(), Log: x.log, version: s.Version, clock: s.Clock, signIn: s.SignIn, live: s.live,
		allowed: func() []string { return s.allowed(x.r) }, whole: x.whole,
	}
	var answer Answer
	var err error
	if x.route.Kept != "" && x.who.Name == "" {
		answer, err = s.shown.get(x.r.Context(), x.route.Kept, theme(x.r)+" "+x.r.URL.RequestURI(), func(ctx context.Context) (Answer, []int64, error) {
			ctx, cancel := context.WithTimeout(ctx, requestTimeout)
			defer cancel()
			r.Request = x.r.WithContext(ctx)
			answer, err := s.ask(x.route, r)
			return answer, r.about, err
		})
	} else {
		answer, err = s.ask(x.route, r)
	}
	if err != nil {
		return err
	}
	if x.route.Frame {
		answer = r.told(answer)
	}
	return answer.send(x.w, r, x.route.Cache)
}

// ask returns the answer of a route's handler.
func (s *Server) ask(route *Route, r *Request) (Answer, error) {
	if route.Frame {
		if err := s.surround(r); err != nil {
			return Answer{}, err
		}
	}
	return route.Handler(r)
}

// allowed are the methods that the address of r has.
func (s *Server) allowed(r *http.Request) []string {
	var methods []string
	for _, method := range s.methods {
		asked := r.Clone(r.Context())
		asked.Method = method
		if _, pattern := s.mux.Handler(asked); strings.HasPrefix(pattern, method+" ") {
			methods = append(methods, method)
			if method == http.MethodGet {
				methods = append(methods, http.MethodHead)
			}
		}
	}
	return methods
}
