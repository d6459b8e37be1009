package frontend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/frontend/pages"
)

// A handlerFunc answers a request or says why it cannot; then it has written
// nothing. An error that wraps koschei.ErrNotFound or koschei.ErrInvalid
// begins with a sentence for the user.
type handlerFunc func(w http.ResponseWriter, r *http.Request) error

// An answerer makes handlers of handlerFuncs: the one place where errors
// become answers.
type answerer struct {
	log  *slog.Logger
	site *pages.Site
	took *prometheus.HistogramVec
}

func (a *answerer) answer(pattern string, handle handlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, out := time.Now(), &recorder{ResponseWriter: w, status: http.StatusOK}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		err := checkText(r.URL)
		if err == nil {
			err = protect(handle, out, r)
		}
		if err != nil {
			a.fail(out, r, err)
		}
		_, route, _ := strings.Cut(pattern, " ")
		a.took.WithLabelValues(route, strconv.Itoa(out.status)).Observe(time.Since(start).Seconds())
		if errors.Is(err, http.ErrAbortHandler) {
			panic(http.ErrAbortHandler) // how net/http is told to break an answer off
		}
	})
}

// requestTimeout is far longer than any answer takes that is of use.
const requestTimeout = time.Minute

// checkText refuses what cannot be the name of anything, nor be stored or
// looked for in the record.
func checkText(u *url.URL) error {
	text := u.Path
	for key, values := range u.Query() {
		text += key + strings.Join(values, "")
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return fmt.Errorf("the address is not text in UTF-8: %w", koschei.ErrInvalid)
	}
	return nil
}

// protect makes a panic an error: it is a mistake of ours in one page, and no
// reason to show nothing of the others.
func protect(handle handlerFunc, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return handle(w, r)
}

// A notReadyError says that there is nothing to be served from.
type notReadyError struct{ err error }

func (e *notReadyError) Error() string { return e.err.Error() }
func (e *notReadyError) Unwrap() error { return e.err }

// A methodError says that an address can only be read.
type methodError struct{}

func (methodError) Error() string { return "this can only be read, with GET or HEAD" }

// nothing is at every address that is not listed.
func nothing(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return methodError{}
	}
	return fmt.Errorf("there is no page at this address: %w", koschei.ErrNotFound)
}

// fail answers with why there is no answer. Nothing of what may be private or
// ours alone leaves the process.
func (a *answerer) fail(out *recorder, r *http.Request, err error) {
	status, told := explain(err)
	if errors.Is(r.Context().Err(), context.Canceled) {
		return // the reader has gone: nobody to tell, and no mistake
	}
	if status >= http.StatusInternalServerError {
		a.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	}
	if out.written {
		return
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		body, _ := json.Marshal(map[string]string{"error": told}) // strings can always be told
		out.Header().Set("Content-Type", "application/json")
		out.WriteHeader(status)
		_, _ = out.Write(append(body, '\n'))
		return
	}
	if err := a.site.Error(out, r, status, told); err != nil {
		a.log.ErrorContext(r.Context(), "error page failed", "path", r.URL.Path, "error", err)
		http.Error(out, told, status)
	}
}

// explain returns the status and the sentence for an error.
func explain(err error) (status int, told string) {
	var notReady *notReadyError
	switch {
	case errors.Is(err, koschei.ErrNotFound):
		return http.StatusNotFound, sentence(err, koschei.ErrNotFound)
	case errors.Is(err, koschei.ErrInvalid):
		return http.StatusBadRequest, sentence(err, koschei.ErrInvalid)
	case errors.Is(err, methodError{}):
		return http.StatusMethodNotAllowed, sentence(err, koschei.ErrInvalid)
	case errors.As(err, &notReady):
		return http.StatusServiceUnavailable, "Pages cannot be served now: the database does not answer, or has not the right schema yet."
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "This took too long. Please try again."
	}
	return http.StatusInternalServerError, "Something went wrong here. It has been written down; please try again later."
}

// sentence takes the sentinel off the end of an error that says it in words.
func sentence(err, sentinel error) string {
	words := strings.TrimSuffix(err.Error(), ": "+sentinel.Error())
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:] + "."
}

// A recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status  int
	written bool
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if !r.written {
		r.status, r.written = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	r.written = true
	return r.ResponseWriter.Write(b)
}

// secure adds the headers that keep browsers from doing more than pages need:
// they load one style sheet and icons from here, and run nothing.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// compress sends what is worth it with gzip to those who understand.
func compress(next http.Handler) http.Handler { return gzhttp.GzipHandler(next) }

// requestMetrics registers how long requests take, by address and status. A
// registry that has it already gives its own.
func requestMetrics(registry *prometheus.Registry) (*prometheus.HistogramVec, error) {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "koschei_http_request_seconds",
		Help:    "Time taken to answer requests.",
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
