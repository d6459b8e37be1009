package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
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

	tag      string         // names the content, for If-None-Match; "" if nothing does
	packed   []byte         // the compressed Body, instead of it
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
	if a.tag == "" && a.packable() && r.Method == http.MethodGet {
		a.tag = tagOf(a.Body)
	}
	if a.tag != "" {
		a.tagged(w)
		if knows(r.Header.Get("If-None-Match"), a.tag) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	return a.write(w, r)
}

// tagged lets an answer be asked for again by its tag.
func (a *Answer) tagged(w *recorder) {
	h := w.Header()
	h.Set("ETag", a.tag)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache") // keep it, but ask whether it still holds
	}
	h.Add("Vary", "Cookie") // a theme, and who asks
}

// write sends the body, compressed as it is kept to those who take it so.
func (a *Answer) write(w *recorder, r *Request) error {
	switch {
	case a.packed == nil:
		_, _ = w.Write(a.Body) // w knows whether that succeeded
	case takesGzip(r.Header.Get("Accept-Encoding")):
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(a.packed)
	default:
		return a.unpacked(w)
	}
	return nil
}

// knows says whether a list of tags, as If-None-Match has it, has tag.
func knows(list, tag string) bool {
	for each := range strings.SplitSeq(list, ",") {
		if strings.TrimPrefix(strings.TrimSpace(each), "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// takesGzip reads the header Accept-Encoding.
func takesGzip(list string) bool {
	for each := range strings.SplitSeq(list, ",") {
		coding, weight, weighed := strings.Cut(strings.ReplaceAll(each, " ", ""), ";q=")
		if coding == "gzip" {
			q, err := strconv.ParseFloat(weight, 64)
			return !weighed || err == nil && q > 0
		}
	}
	return false
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
