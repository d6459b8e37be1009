package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/koschei-ci/koschei/internal/web/html"
)

// An Answer is what is sent for a request.
type Answer struct {
	Status int    // 200 if 0
	Type   string // of the content
	Body   []byte

	// Stream writes an answer that is too long to be held, or has no end,
	// instead of Body. An error from before the first byte is told as any other;
	// a later one breaks the answer off. It may use http.ResponseController. It
	// holds no connection to the database while it writes, for who reads slowly
	// would keep it from others, and asks with Request.Lasting.
	Stream func(http.ResponseWriter) error

	location string         // where to go instead
	cookies  []*http.Cookie // to be kept
}

// Page answers with the page that shows view.
func Page[V any](page html.Page[V], view *V) (Answer, error) {
	body, err := page.Execute(view)
	return Answer{Type: "text/html; charset=utf-8", Body: body}, err
}

// Line answers with a line of text.
func Line(text string) Answer {
	return Answer{Type: "text/plain; charset=utf-8", Body: []byte(text + "\n")}
}

// Redirect answers with the address where to look instead.
func Redirect(location string) Answer { return Answer{location: location} }

// With returns the answer with a cookie that the browser is to keep.
func (a Answer) With(cookie *http.Cookie) Answer {
	a.cookies = append(slices.Clone(a.cookies), cookie)
	return a
}

// send writes the answer.
func (a Answer) send(w *recorder, r *Request, cache Cache) error {
	if cache != "" {
		w.Header().Set("Cache-Control", string(cache))
	}
	for _, cookie := range a.cookies {
		http.SetCookie(w, cookie)
	}
	if a.location != "" {
		status := http.StatusFound
		if changes(r.Method) {
			status = http.StatusSeeOther
		}
		http.Redirect(w, r.Request, a.location, status)
		return nil
	}
	if a.Type != "" {
		w.Header().Set("Content-Type", a.Type)
	}
	if a.Stream != nil {
		err := a.Stream(w)
		if err != nil && !w.written {
			w.Header().Del("Cache-Control") // it was the answer's
		}
		return err
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = w.Write(a.Body) // w knows whether that succeeded
	return nil
}

// A recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status  int
	written bool
	failed  bool // somebody has gone

	within time.Duration // that a piece must be taken
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if !r.written {
		r.status, r.written = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

// piece is what is written at once.
const piece = 32 << 10

// Write implements http.ResponseWriter. It writes in pieces, each of which has
// its time.
func (r *recorder) Write(b []byte) (written int, err error) {
	r.written = true
	control := http.NewResponseController(r.ResponseWriter)
	for first := true; first || len(b) > 0 && err == nil; first = false {
		_ = control.SetWriteDeadline(time.Now().Add(r.within)) // where there is a connection
		n := 0
		n, err = r.ResponseWriter.Write(b[:min(len(b), piece)])
		written, b = written+n, b[n:]
	}
	r.failed = r.failed || err != nil
	return written, err
}
