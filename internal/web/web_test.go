package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

var domainNow = time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)

// serverOf serves routes without a record.
func serverOf(t *testing.T, routes ...Route) *Server {
	t.Helper()
	clock := koschei.Clock{Read: func() time.Time { return domainNow }}
	s, err := New(Config{
		Routes: routes, Templates: html.New(clock), Log: slog.New(slog.DiscardHandler), Clock: clock, Registry: prometheus.NewRegistry(),
		Identity: Anonymous,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(pattern string, handler Handler) Route {
	return Route{Method: http.MethodGet, Pattern: pattern, Handler: handler, Access: Public, Errors: Text, Label: "test"}
}

func ask(s http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func line(*Request) (Answer, error) { return Line("ok"), nil }

// counted returns how many requests were counted, by route and status.
func counted(t *testing.T, s *Server) map[string]uint64 {
	t.Helper()
	families, err := s.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]uint64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			counts[strings.Join(labels, " ")] = m.GetHistogram().GetSampleCount()
		}
	}
	return counts
}

// A route that leaves something open is not served.
func TestRoutesAreDecided(t *testing.T) {
	t.Parallel()
	whole := Route{Method: http.MethodPost, Pattern: "/x", Handler: line, Access: SignedIn, CSRF: SameOrigin, Errors: HTML, Label: "x"}
	if err := whole.check(); err != nil {
		t.Errorf("a whole route: %v", err)
	}
	for want, spoil := range map[string]func(*Route){
		"no handler":          func(r *Route) { r.Handler = nil },
		"no access":           func(r *Route) { r.Access = "" },
		"no format of errors": func(r *Route) { r.Errors = "" },
		"no label":            func(r *Route) { r.Label = "" },
		"no protection from requests of other sites": func(r *Route) { r.CSRF = "" },
	} {
		route := whole
		spoil(&route)
		_, err := New(Config{
			Routes: []Route{route}, Templates: html.New(koschei.Clock{}), Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Identity: Anonymous,
		})
		if err == nil || !strings.Contains(err.Error(), "route POST /x has "+want) {
			t.Errorf("got %v, want that it has %s", err, want)
		}
	}
}

// What a browser sends for another site changes nothing.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	done := 0
	s := serverOf(t, Route{
		Method: http.MethodPost, Pattern: "/do", Access: Public, CSRF: SameOrigin, Errors: JSON, Label: "do",
		Handler: func(*Request) (Answer, error) { done++; return Line("done"), nil },
	})
	for _, tt := range []struct {
		site   string
		status int
		want   string
	}{
		{"cross-site", 403, `{"error":"This was sent from a page of another site, and nothing was changed."}`},
		{"same-site", 403, "another site"},
		{"same-origin", 200, "done"},
		{"none", 200, "done"},
		{"", 200, "done"}, // no browser
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/do", nil)
		if tt.site != "" {
			r.Header.Set("Sec-Fetch-Site", tt.site)
		}
		if w := ask(s, r); w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%q: status %d, %s, want %d, %s", tt.site, w.Code, w.Body, tt.status, tt.want)
		}
	}
	if done != 3 {
		t.Errorf("it was done %d times, want 3", done)
	}
}

// Who may not ask is told so, whoever may is known to the handler.
func TestAccess(t *testing.T) {
	t.Parallel()
	hello := func(r *Request) (Answer, error) { return Line("hello " + r.Actor.Name), nil }
	route := get("/mine", hello)
	route.Access = SignedIn
	s := serverOf(t, route, get("/all", hello))
	s.Identity = func(r *http.Request) (koschei.Actor, error) {
		if r.Header.Get("Who") == "forged" {
			return koschei.Actor{}, fmt.Errorf("the session is none of ours: %w", koschei.ErrInvalid)
		}
		return koschei.Actor{Name: r.Header.Get("Who")}, nil
	}
	for _, tt := range []struct {
		url, who string
		status   int
		want     string
	}{
		{"/mine", "", 401, "This is only for those who have signed in.\n"},
		{"/mine", "alice", 200, "hello alice\n"},
		{"/mine", "forged", 400, "The session is none of ours.\n"},
		{"/all", "", 200, "hello \n"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.url, nil)
		r.Header.Set("Who", tt.who)
		if w := ask(s, r); w.Code != tt.status || w.Body.String() != tt.want {
			t.Errorf("%s as %q: %d %q, want %d %q", tt.url, tt.who, w.Code, w.Body, tt.status, tt.want)
		}
	}
}

// Errors are told as the route says, wherever it is.
func TestErrorFormats(t *testing.T) {
	t.Parallel()
	var routes []Route
	for path, err := range map[string]error{
		"notfound": fmt.Errorf("there is no such thing: %w", koschei.ErrNotFound),
		"conflict": fmt.Errorf("somebody was faster: %w", koschei.ErrConflict),
		"refused":  fmt.Errorf("the group is not yours: %w", koschei.ErrForbidden),
		"late":     context.DeadlineExceeded,
		"private":  errors.New("the password is 1234"),
	} {
		for _, format := range []Format{HTML, JSON, Text} {
			r := get("/"+string(format)+"/"+path, func(*Request) (Answer, error) { return Answer{}, err })
			r.Errors, r.Cache = format, ForEver
			routes = append(routes, r)
		}
	}
	panics := get("/text/panic", func(*Request) (Answer, error) { panic("the password is 1234") })
	s := serverOf(t, append(routes, panics)...)
	s.frames.frame.remember("", &view.Frame{}, time.Now().Add(time.Hour))
	for _, tt := range []struct {
		url    string
		status int
		kind   string
		want   string
	}{
		{"/text/notfound", 404, "text/plain; charset=utf-8", "There is no such thing.\n"},
		{"/json/notfound", 404, "application/json", `{"error":"There is no such thing."}` + "\n"},
		{"/html/notfound", 404, "text/html; charset=utf-8", ">There is no such thing.</p>"},
		{"/text/conflict", 409, "text/plain; charset=utf-8", "Somebody was faster.\n"},
		{"/text/refused", 403, "text/plain; charset=utf-8", "The group is not yours.\n"},
		{"/text/late", 503, "text/plain; charset=utf-8", "This took too long. Please try again.\n"},
		{"/json/private", 500, "application/json", "Something went wrong here."},
		{"/text/panic", 500, "text/plain; charset=utf-8", "Something went wrong here."},
	} {
		w := ask(s, httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.url, nil))
		if w.Code != tt.status || w.Header().Get("Content-Type") != tt.kind || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: %d %v %s, want %d %s %s", tt.url, w.Code, w.Header(), w.Body, tt.status, tt.kind, tt.want)
		}
		if strings.Contains(w.Body.String(), "1234") || w.Header().Get("Cache-Control") != "" {
			t.Errorf("%s: tells too much or is kept: %v %s", tt.url, w.Header(), w.Body)
		}
	}
}

// An address tells for which methods it is there.
func TestAllow(t *testing.T) {
	t.Parallel()
	post := Route{Method: http.MethodPost, Pattern: "/both", Handler: line, Access: Public, CSRF: SameOrigin, Errors: Text, Label: "post"}
	s := serverOf(t, get("/both", line), get("/read", line), post,
		Route{Pattern: "/", Handler: Nothing, Access: Public, Errors: Text, Label: "nowhere"})
	for _, tt := range []struct {
		method, url string
		status      int
		allow       string
	}{
		{http.MethodHead, "/read", 200, ""},
		{http.MethodPost, "/read", 405, "GET, HEAD"},
		{http.MethodPut, "/both", 405, "GET, HEAD, POST"},
		{http.MethodPost, "/both", 200, ""},
		{http.MethodPost, "/nope", 404, ""},
		{http.MethodGet, "/nope", 404, ""},
	} {
		w := ask(s, httptest.NewRequestWithContext(t.Context(), tt.method, tt.url, nil))
		if w.Code != tt.status || w.Header().Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q, want %d, %q", tt.method, tt.url, w.Code, w.Header().Get("Allow"), tt.status, tt.allow)
		}
	}
	want := map[string]uint64{"test 200": 1, "nowhere 405": 2, "post 200": 1, "nowhere 404": 2}
	if diff := cmp.Diff(want, counted(t, s)); diff != "" {
		t.Errorf("requests counted (-want +got):\n%s", diff)
	}
}

// Who goes away is no success, and no mistake either.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ctx, leave := context.WithCancel(t.Context())
	s := serverOf(t, get("/slow", func(r *Request) (Answer, error) {
		leave()
		<-r.Context().Done()
		return Answer{}, fmt.Errorf("reading: %w", r.Context().Err())
	}))
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	ask(s, httptest.NewRequestWithContext(ctx, http.MethodGet, "/slow", nil))
	if diff := cmp.Diff(map[string]uint64{"test canceled": 1}, counted(t, s)); diff != "" {
		t.Errorf("requests counted (-want +got):\n%s", diff)
	}
	if log.Len() > 0 {
		t.Errorf("it was complained: %s", log.String())
	}
}

// A handler reaches the connection: it may flush and move the limits of time.
func TestResponseController(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	s := serverOf(t, get("/events", func(*Request) (Answer, error) {
		return Answer{Type: "text/event-stream", Stream: func(w http.ResponseWriter) error {
			c := http.NewResponseController(w)
			err := c.SetWriteDeadline(time.Now().Add(time.Hour))
			_, _ = io.WriteString(w, "first\n")
			if err := errors.Join(err, c.Flush()); err != nil {
				return err
			}
			<-read
			_, err = io.WriteString(w, "second\n")
			return err
		}}, nil
	}))
	server := httptest.NewServer(s)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "first" {
		t.Errorf("read %q while the answer goes on, want the first line", lines.Text())
	}
	close(read)
	if !lines.Scan() || lines.Text() != "second" || lines.Scan() || lines.Err() != nil {
		t.Errorf("then read %q, %v", lines.Text(), lines.Err())
	}
}

// An answer that fails before its first byte is an error as any other; one that
// fails later is broken off, so that nobody takes it for whole.
func TestStreamFails(t *testing.T) {
	t.Parallel()
	stream := func(before string) Handler {
		return func(*Request) (Answer, error) {
			return Answer{Type: "text/csv", Stream: func(w http.ResponseWriter) error {
				_, _ = io.WriteString(w, before)
				return errors.New("broken")
			}}, nil
		}
	}
	early := get("/early", func(*Request) (Answer, error) {
		return Answer{Type: "text/csv", Stream: func(http.ResponseWriter) error { return errors.New("broken") }}, nil
	})
	early.Cache = OneDay
	s := serverOf(t, early, get("/late", stream("some")))
	w := ask(s, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/early", nil))
	if w.Code != 500 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || w.Header().Get("Cache-Control") != "" {
		t.Errorf("early: %d %v", w.Code, w.Header())
	}
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("late: panics with %v, want that the answer is broken off", err)
		}
	}()
	ask(s, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/late", nil))
	t.Error("late: the answer counts as whole")
}

// Every answer names its request, and so does the log.
func TestRequestID(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := serverOf(t, get("/x", func(r *Request) (Answer, error) {
		if _, limited := r.Context().Deadline(); !limited {
			t.Error("a request may take for ever")
		}
		return Answer{}, errors.New("oops")
	}))
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	w := ask(s, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil))
	id := w.Header().Get("X-Request-Id")
	if id == "" || !strings.Contains(log.String(), "request="+id) || !strings.Contains(log.String(), "error=oops") {
		t.Errorf("request %q, log: %s", id, log.String())
	}
}

// Forms may lead to the provider of logins that is configured, and nowhere else.
func TestFormTargets(t *testing.T) {
	t.Parallel()
	for want, targets := range map[string][]string{
		"form-action 'self';": nil, "form-action 'self' https://id.example.org;": {"https://id.example.org"},
	} {
		if got := contentSecurityPolicy(targets); !strings.Contains(got, want) {
			t.Errorf("%v: %s, want %s", targets, got, want)
		}
	}
}

type testForm struct {
	Name  string `form:"name"`
	Blunt bool   `form:"blunt"`
	Other string
}

func (f *testForm) Validate() error {
	if f.Name == "" {
		return fmt.Errorf("it has no name: %w", koschei.ErrInvalid)
	}
	return nil
}

func TestRead(t *testing.T) {
	t.Parallel()
	read := func(method, target, body string) (testForm, error) {
		r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		var f testForm
		err := (&Request{Request: r}).Read(&f)
		return f, err
	}
	posted := url.Values{"name": {"b", "c"}, "blunt": {"yes"}}.Encode()
	for _, tt := range []struct {
		method, target, body string
		want                 testForm
	}{
		{http.MethodGet, "/?name=a&blunt=1&Other=x", "", testForm{Name: "a", Blunt: true}},
		{http.MethodPost, "/?name=a&blunt=1", posted, testForm{Name: "b"}}, // the address does not count
	} {
		if got, err := read(tt.method, tt.target, tt.body); err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v, want %+v", tt.method, got, err, tt.want)
		}
	}
	if _, err := read(http.MethodPost, "/?name=a", ""); !errors.Is(err, koschei.ErrInvalid) {
		t.Errorf("without a name: %v", err)
	}
}

// What surrounds pages is read once a second, not once a request.
func TestFrameLasts(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := newFrames(func() time.Time { return now })
	for _, tt := range []struct {
		set   string
		after time.Duration
		want  string
	}{
		{"first", 0, "first"},
		{"second", frameLasts - 1, "first"},
		{"third", 1, "third"},
	} {
		if _, err := db.SetNotice(t.Context(), audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: now}, tt.set); err != nil {
			t.Fatal(err)
		}
		now = now.Add(tt.after)
		frame, err := f.get(t.Context(), db.View)
		if err != nil || frame.Notice != tt.want {
			t.Errorf("after %q was set the notice is %q, %v, want %q", tt.set, frame.Notice, err, tt.want)
		}
	}
}

// Who does not read is not waited for, and who reads slowly is served.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	const size = 64 << 20 // more than fits in any buffer between the two
	ended := make(chan error, 1)
	s := serverOf(t, get("/long", func(*Request) (Answer, error) {
		return Answer{Type: "application/octet-stream", Stream: func(w http.ResponseWriter) error {
			_, err := w.Write(make([]byte, size))
			ended <- err
			return err
		}}, nil
	}))
	s.piece = 200 * time.Millisecond
	server := httptest.NewServer(s)
	defer server.Close()
	for _, pause := range []time.Duration{0, time.Hour} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
		if pause == 0 {
			_, _ = io.CopyN(io.Discard, conn, size)
		}
		if err := <-ended; (err != nil) != (pause > 0) {
			t.Errorf("reading after %v: the answer ended with %v", pause, err)
		}
		_ = conn.Close()
	}
}
