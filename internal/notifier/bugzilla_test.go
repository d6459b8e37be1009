package notifier_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bugzilla/bugsim"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// A bugPlace is a place whose bugs are filed.
type bugPlace struct {
	*place

	sim     *bugsim.Server
	config  notifier.BugzillaConfig
	service *notifier.Service
	numbers int64 // given to tasks and builds at the hub
}

func newBugPlace(t *testing.T, change func(*notifier.BugzillaConfig), packages ...string) *bugPlace {
	t.Helper()
	p := &bugPlace{place: newPlace(t, packages...), sim: &bugsim.Server{Key: "key"}}
	p.SetBugzilla("f44", "Fedora", "rawhide")
	server := httptest.NewServer(p.sim)
	t.Cleanup(server.Close)
	p.config = notifier.BugzillaConfig{
		URL: server.URL + "/", Key: "key", States: []koschei.State{koschei.StateFailing}, Failures: 1, PerHour: 100, PerDay: 100,
		Site: &url.URL{Scheme: "https", Host: "koschei.example.org"},
	}
	if change != nil {
		change(&p.config)
	}
	p.start()
	return p
}

// start has another process file bugs.
func (p *bugPlace) start() {
	p.t.Helper()
	b, err := notifier.NewBugzilla(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	b.DB = p.db.Deliveries
	p.pass(p.serviceWith(b))
}

func (p *bugPlace) serviceWith(b *notifier.Bugzilla) *notifier.Service {
	p.service = p.place.service(b)
	return p.service
}

func (p *bugPlace) now() {
	p.t.Helper()
	p.SetDeliveriesDue()
	p.pass(p.service)
}

func (p *bugPlace) number() int64 {
	p.numbers++
	return p.numbers
}

// breaks has a package fail to build some times, after it had built.
func (p *bugPlace) breaks(pkg string, times int) {
	p.t.Helper()
	p.Build(pkg, noon.Add(-3*time.Hour), pgtest.Outcome(koschei.OutcomeComplete), pgtest.NoTask(), pgtest.Real(p.number()))
	for i := range times {
		p.Build(pkg, noon.Add(time.Duration(i-10)*time.Minute), pgtest.Outcome(koschei.OutcomeFailed), pgtest.Task(p.number()))
	}
	p.RefreshLastBuilds()
	p.state(pkg, "ok", "failing", 0)
}

func (p *bugPlace) mends(pkg string) {
	p.t.Helper()
	p.Build(pkg, noon.Add(time.Hour), pgtest.Outcome(koschei.OutcomeComplete), pgtest.NoTask(), pgtest.Real(p.number()))
	p.RefreshLastBuilds()
	p.state(pkg, "failing", "ok", time.Hour)
}

// A bug is filed for a package that fails, and commented on when it is mended. What
// fails for the same reason meanwhile is the same bug.
func TestBugzilla(t *testing.T) {
	t.Parallel()
	p := newBugPlace(t, func(c *notifier.BugzillaConfig) {
		c.Trackers, c.Fields = map[string]string{"f44": "F44FTBFS"}, map[string]string{"op_sys": "Unspecified"}
	}, "foo")
	tracker := p.sim.Add(bugsim.Bug{Product: "Fedora", Component: "distribution", Alias: "F44FTBFS"})
	p.breaks("foo", 2)
	p.now()
	bugs := p.sim.Bugs()[1:]
	if len(bugs) != 1 {
		t.Fatalf("%d bugs, want 1", len(bugs))
	}
	b := bugs[0]
	text := b.Comments[0]
	if !strings.HasPrefix(b.Alias, "koschei-") || len(b.Alias) != 20 {
		t.Errorf("its alias is %s", b.Alias)
	}
	b.Alias, b.Comments, b.ID = "", nil, 0
	want := bugsim.Bug{
		Product: "Fedora", Component: "foo", Version: "rawhide", Summary: "foo: FTBFS in f44", Status: "NEW", Whiteboard: "koschei:f44/foo",
		Blocks: []int64{tracker}, Fields: map[string]string{"op_sys": "Unspecified"},
	}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, say := range []string{"fails to build from source in f44", "2 builds have failed", "https://koschei.example.org/package/foo?collection=f44"} {
		if !strings.Contains(text, say) {
			t.Errorf("it does not say %q:\n%s", say, text)
		}
	}
	p.state("foo", "failing", "unresolved", time.Minute)
	p.state("foo", "unresolved", "failing", 2*time.Minute)
	p.now()
	p.mends("foo")
	p.now()
	p.now()
	bugs = p.sim.Bugs()[1:]
	if len(bugs) != 1 || len(bugs[0].Comments) != 2 || !strings.HasPrefix(bugs[0].Comments[1], "foo builds again in f44 since 2026-11-23 13:00 UTC.") || bugs[0].Status != "NEW" {
		t.Errorf("there are %+v", bugs)
	}
}

// Nothing is filed that others have filed, that is mended by now, that is not sure
// yet, or beyond what there may be.
func TestBugzillaHoldsBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*notifier.BugzillaConfig)
		before func(*bugPlace)
		after  func(*bugPlace)
		bugs   int
		waits  int
	}{
		"filed": {bugs: 2},
		"another summary": {before: func(p *bugPlace) {
			p.sim.Add(bugsim.Bug{Product: "Fedora", Component: "foo", Summary: "foo: crashes"})
		}, bugs: 3},
		"FTBFS of others": {before: func(p *bugPlace) {
			p.sim.Add(bugsim.Bug{Product: "Fedora", Component: "foo", Summary: "foo: ftbfs everywhere"})
		}, bugs: 2},
		"FTBFS of others that is resolved": {before: func(p *bugPlace) {
			p.sim.Add(bugsim.Bug{Product: "Fedora", Component: "foo", Summary: "foo: ftbfs everywhere", Resolution: "DUPLICATE"})
		}, bugs: 3},
		"of another Koschei": {before: func(p *bugPlace) {
			p.sim.Add(bugsim.Bug{Product: "Fedora", Component: "foo", Summary: "FTBFS", Whiteboard: "x koschei:f44/foo"})
		}, bugs: 2},
		"mended": {after: func(p *bugPlace) { p.mends("foo") }, bugs: 1},
		"not sure": {
			change: func(c *notifier.BugzillaConfig) { c.Failures = 2 }, bugs: 0, waits: 2,
		},
		"too many an hour":   {change: func(c *notifier.BugzillaConfig) { c.PerHour = 1 }, bugs: 1, waits: 1},
		"too many a day":     {change: func(c *notifier.BugzillaConfig) { c.PerDay = 1 }, bugs: 1, waits: 1},
		"not long enough":    {change: func(c *notifier.BugzillaConfig) { c.After = time.Hour }, bugs: 2}, // SetDeliveriesDue lets time pass
		"other collections":  {change: func(c *notifier.BugzillaConfig) { c.Collections = []string{"f43"} }, bugs: 0},
		"no product":         {before: func(p *bugPlace) { p.SetBugzilla("f44", "", "") }, bugs: 0},
		"component unknown":  {before: func(p *bugPlace) { p.sim.Components = []string{"bar"} }, bugs: 1},
		"mended within time": {change: func(c *notifier.BugzillaConfig) { c.After = 2 * time.Hour }, after: func(p *bugPlace) { p.mends("foo") }, bugs: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newBugPlace(t, test.change, "foo", "bar")
			if test.before != nil {
				test.before(p)
			}
			p.breaks("foo", 1)
			p.breaks("bar", 1)
			if test.after != nil {
				test.after(p)
			}
			p.now()
			p.now()
			if got := len(p.sim.Bugs()); got != test.bugs {
				t.Errorf("%d bugs, want %d: %+v", got, test.bugs, p.sim.Bugs())
			}
			if got := p.UnsentDeliveries(); got != test.waits {
				t.Errorf("%d wait, want %d", got, test.waits)
			}
		})
	}
}

// However often it is tried, and whatever the Bugzilla answers, a bug is filed once.
func TestBugzillaOnce(t *testing.T) {
	t.Parallel()
	html := func(w http.ResponseWriter, status int) bool {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>hello") // the client may be gone
		return true
	}
	for name, misbehave := range map[string]func(w http.ResponseWriter, r *http.Request, done bool) bool{
		"page instead of an answer": func(w http.ResponseWriter, _ *http.Request, done bool) bool { return done && html(w, 200) },
		"page of errors":            func(w http.ResponseWriter, _ *http.Request, done bool) bool { return done && html(w, 502) },
		"broken off": func(_ http.ResponseWriter, r *http.Request, done bool) bool {
			if done && r.Method == http.MethodPost {
				panic(http.ErrAbortHandler)
			}
			return false
		},
		"away": func(w http.ResponseWriter, _ *http.Request, done bool) bool { return !done && html(w, 404) },
		"half an answer": func(w http.ResponseWriter, r *http.Request, done bool) bool {
			if !done {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, `{"id": `) // the client may be gone
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newBugPlace(t, nil, "foo")
			var calls atomic.Int64
			p.sim.Misbehave = func(w http.ResponseWriter, r *http.Request, done bool) bool {
				return calls.Add(1) <= 20 && misbehave(w, r, done)
			}
			p.breaks("foo", 1)
			for range 30 {
				p.now()
			}
			if got := len(p.sim.Bugs()); got != 1 || p.UnsentDeliveries() > 0 {
				t.Errorf("%d bugs, %d wait, want 1 and 0", got, p.UnsentDeliveries())
			}
		})
	}
}

func TestBugzillaBadConfig(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*notifier.BugzillaConfig){
		`url: "bugs" must be an address such as https://bugzilla.example.org`: func(c *notifier.BugzillaConfig) { c.URL = "bugs" },
		"key_file: it must hold an API key and nothing else":                  func(c *notifier.BugzillaConfig) { c.Key = "a b" },
		"states: it names none":                                func(c *notifier.BugzillaConfig) { c.States = nil },
		`states: "ok" must be failing or unresolved`:           func(c *notifier.BugzillaConfig) { c.States = []koschei.State{"ok"} },
		"fields: alias is set by Koschei":                      func(c *notifier.BugzillaConfig) { c.Fields = map[string]string{"alias": "x"} },
		"failures, per_hour, per_day: each must be at least 1": func(c *notifier.BugzillaConfig) { c.PerDay = 0 },
	} {
		c := notifier.BugzillaConfig{URL: "https://bugs.example.org", Key: "k", States: []koschei.State{"failing"}, Failures: 1, PerHour: 1, PerDay: 1}
		change(&c)
		if _, err := notifier.NewBugzilla(c); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
