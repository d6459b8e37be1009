package koji

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// noTokens is a Negotiator for hubs that do not look.
type noTokens struct{}

func (noTokens) Token(context.Context, string) ([]byte, error) { return []byte("token"), nil }

func scratch(key string) ScratchBuild {
	return ScratchBuild{Key: key, Source: "../packages/foo/1/1/src/foo-1-1.src.rpm", Target: "f40"}
}

func mustBuild(t *testing.T, c *Client, key string) int64 {
	t.Helper()
	id, err := c.Build(t.Context(), scratch(key))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// An interceptor lets each request through, or does something else with it
// once.
type interceptor struct {
	hub  *testHub
	next []func(http.ResponseWriter, *http.Request, *testHub) // for the next requests, nil to let one through
}

func (i *interceptor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(i.next) > 0 && !strings.HasSuffix(r.URL.Path, "/ssllogin") {
		do := i.next[0]
		i.next = i.next[1:]
		if do != nil {
			do(w, r, i.hub)
			return
		}
	}
	i.hub.ServeHTTP(w, r)
}

// answerLost lets the hub do the call and cuts the connection.
func answerLost(_ http.ResponseWriter, r *http.Request, h *testHub) {
	h.ServeHTTP(discard{}, r)
	panic(http.ErrAbortHandler)
}

// requestLost cuts the connection before the hub sees the call.
func requestLost(http.ResponseWriter, *http.Request, *testHub) { panic(http.ErrAbortHandler) }

func unavailable(w http.ResponseWriter, _ *http.Request, _ *testHub) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte("<html><title>503</title></html>"))
}

func offline(w http.ResponseWriter, _ *http.Request, _ *testHub) {
	body, err := xmlrpc.AppendFault(nil, faultf(codeServerOffline, "planned outage until noon"))
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(body)
}

func expired(w http.ResponseWriter, r *http.Request, h *testHub) {
	h.expireAll()
	h.ServeHTTP(w, r)
}

func dropped(w http.ResponseWriter, r *http.Request, h *testHub) {
	h.dropAll()
	h.ServeHTTP(w, r)
}

func notAllowed(w http.ResponseWriter, _ *http.Request, _ *testHub) {
	body, err := xmlrpc.AppendFault(nil, faultf(codeNotAllowed, "not you"))
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(body)
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

type step = func(http.ResponseWriter, *http.Request, *testHub)

// A trouble is what happens to the calls that submit a build, and what comes of it.
type trouble struct {
	name     string
	steps    []step
	password bool  // so that the session cannot be renewed
	want     error // nil: an id
	class    Class
	tasks    int // at the hub
	logins   int
	renewals int
}

func troubles() []trouble {
	return []trouble{
		{name: "none", tasks: 1, logins: 1},
		{name: "answer lost: found by its key", steps: []step{answerLost}, tasks: 1, logins: 1},
		{name: "request lost: repeated", steps: []step{requestLost}, tasks: 1, logins: 1},
		{name: "unavailable: repeated", steps: []step{unavailable, unavailable}, tasks: 1, logins: 1},
		{name: "offline: repeated", steps: []step{offline, offline, offline}, tasks: 1, logins: 1},
		{name: "expired: renewed", steps: []step{expired}, tasks: 1, logins: 1, renewals: 1},
		{name: "expired, not renewable: logged in anew", steps: []step{nil, expired}, password: true, tasks: 1, logins: 2},
		{name: "session gone: logged in anew", steps: []step{dropped}, tasks: 1, logins: 2},
		{
			name:  "answer lost, then expired: the number survives renewal",
			steps: []step{answerLost, expired}, tasks: 1, logins: 1, renewals: 1,
		},
		{
			name: "answer lost, then the session: not repeated", steps: []step{answerLost, dropped},
			want: ErrOutcomeUnknown, class: Transient, tasks: 1, logins: 1,
		},
		{
			name: "request lost, then the session: not repeated either", steps: []step{requestLost, dropped},
			want: ErrOutcomeUnknown, class: Transient, tasks: 0, logins: 1,
		},
		{
			name: "offline, then the session: nothing was sent to a hub that works", steps: []step{offline, dropped},
			tasks: 1, logins: 2,
		},
		{
			name: "refused", steps: []step{notAllowed},
			want: faultf(codeNotAllowed, "not you"), class: Permanent, tasks: 0, logins: 1,
		},
		{
			name: "request lost, then refused: it may still arrive", steps: []step{requestLost, notAllowed},
			want: ErrOutcomeUnknown, class: Transient, tasks: 0, logins: 1,
		},
		{
			name: "answer never comes", steps: []step{answerLost, requestLost, requestLost, requestLost, requestLost},
			want: ErrOutcomeUnknown, class: Transient, tasks: 1, logins: 1,
		},
		{
			name: "offline for long", steps: []step{offline, offline, offline, offline, offline},
			want: faultf(codeServerOffline, ""), class: Transient, tasks: 0, logins: 1,
		},
	}
}

// What becomes of one submission under each kind of trouble.
func TestBuildUnderTrouble(t *testing.T) {
	t.Parallel()
	for _, test := range troubles() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			hub := newTestHub()
			config := Config{}
			if test.password {
				config.Login = Login{User: "koschei", Password: "x"}
			}
			c := serve(t, &interceptor{hub: hub, next: test.steps}, config)
			id, err := c.Build(t.Context(), scratch("key"))
			checkOutcome(t, err, test.want, test.class)
			if err == nil {
				if diff := cmp.Diff(map[string][]int64{"key": {id}}, hub.keys()); diff != "" {
					t.Errorf("builds at the hub (-want +got):\n%s", diff)
				}
			}
			hub.mu.Lock() // the hub may still be at a request whose answer was lost
			defer hub.mu.Unlock()
			if len(hub.tasks) != test.tasks || hub.logins != test.logins || hub.renewals != test.renewals {
				t.Errorf("%d tasks, %d logins, %d renewals; want %d, %d, %d",
					len(hub.tasks), hub.logins, hub.renewals, test.tasks, test.logins, test.renewals)
			}
		})
	}
}

func checkOutcome(t *testing.T, err, want error, class Class) {
	t.Helper()
	var fault, wantFault *xmlrpc.Fault
	switch {
	case errors.As(want, &wantFault):
		if !errors.As(err, &fault) || fault.Code != wantFault.Code || errors.Is(err, ErrOutcomeUnknown) {
			t.Errorf("got error %v, want %v", err, want)
		}
	case !errors.Is(err, want):
		t.Errorf("got error %v, want %v", err, want)
	}
	if got := ClassOf(err); got != class {
		t.Errorf("got class %q, want %q", got, class)
	}
}

// The hub does not reset a session's number when it is renewed.
func TestCallnumIsKeptOverRenewal(t *testing.T) {
	t.Parallel()
	hub := newTestHub()
	c := serve(t, hub, Config{})
	for i := range 20 {
		mustBuild(t, c, fmt.Sprint(i))
		if i%5 == 0 {
			hub.expireAll()
		}
	}
	if hub.logins != 1 || hub.renewals != 4 {
		t.Errorf("%d logins and %d renewals, want 1 and 4", hub.logins, hub.renewals)
	}
	if got := c.session.callnum; got != 20 {
		t.Errorf("callnum %d after 20 calls", got)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if len(hub.sessions) != 0 {
		t.Error("the session is still open")
	}
}

// A change that may be repeated is, also where a submission may not.
func TestHarmlessChangeIsRepeated(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]step{
		"answer lost":              {answerLost},
		"answer lost, session too": {answerLost, dropped},
		"request and session lost": {requestLost, dropped},
	} {
		hub := newTestHub()
		c := serve(t, &interceptor{hub: hub, next: steps}, Config{})
		if err := c.CancelTask(t.Context(), 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoLogin(t *testing.T) {
	t.Parallel()
	c, err := New(Config{Server: "http://127.0.0.1:1/kojihub"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Build(t.Context(), scratch("key"))
	if got, want := fmt.Sprint(err), "build key: build: no login: none is configured"; got != want || ClassOf(err) != Auth {
		t.Errorf("got %s (%s), want %s", got, ClassOf(err), want)
	}
	hub := newTestHub()
	hub.user = func(*http.Request) string { return "" }
	_, err = serve(t, hub, Config{}).Build(t.Context(), scratch("key"))
	if ClassOf(err) != Auth || errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("refused login: got %v (%s)", err, ClassOf(err))
	}
}

// A hub that was never reached has certainly not built anything.
func TestUnreachableHub(t *testing.T) {
	t.Parallel()
	c, err := New(Config{
		Server: "http://127.0.0.1:1/kojihub",
		Login:  Login{User: "koschei", Password: "x"},
		Retry:  Retry{Attempts: 2, Min: 1, Max: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Build(t.Context(), scratch("key"))
	if ClassOf(err) != Transient || errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("got %v (%s)", err, ClassOf(err))
	}
}

// No call takes longer than its limit, and none is repeated after its context
// has ended.
func TestCallLimit(t *testing.T) {
	t.Parallel()
	silent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/ssllogin") {
			newTestHub().ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // lets the server notice that the client has gone
		<-r.Context().Done()
	})
	observed := map[string]int{}
	c := serve(t, silent, Config{
		CallLimit: 500 * time.Millisecond,
		Retry:     Retry{Attempts: 2},
		Observe:   func(method string, class Class, _ time.Duration) { observed[method+" "+string(class)]++ },
	})
	if _, err := c.Task(t.Context(), 1); ClassOf(err) != Transient || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("read: got %v (%s)", err, ClassOf(err))
	}
	if _, err := c.Build(t.Context(), scratch("key")); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("build: got %v", err)
	}
	if observed["getTaskInfo transient"] != 2 || observed["build transient"] == 0 {
		t.Errorf("observed %v", observed)
	}

	ctx, cancel := context.WithCancel(t.Context())
	c = serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel(); panic(http.ErrAbortHandler) }),
		Config{Retry: Retry{Attempts: 1000, Min: time.Hour, Max: time.Hour}})
	if _, err := c.Task(ctx, 1); !errors.Is(err, context.Canceled) || ClassOf(err) != Transient {
		t.Errorf("canceled: got %v (%s)", err, ClassOf(err))
	}
}

func TestRetryDelay(t *testing.T) {
	t.Parallel()
	r := Retry{}.withDefaults()
	for n := 1; n < 100; n++ {
		full := min(r.Min<<min(n-1, 20), r.Max)
		for range 100 {
			if d := r.delay(n); d < full/2 || d > full {
				t.Fatalf("delay %d is %s, not between %s and %s", n, d, full/2, full)
			}
		}
	}
}
