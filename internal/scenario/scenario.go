package scenario

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/resolution"
)

// A Stage is a hub and a record of it. What goes wrong on it ends the test.
type Stage struct {
	*pgtest.World // the record

	Store *pgtest.DB // all that reads and writes the record

	T     testing.TB
	Hub   *kojihub.Hub
	Clock *kojisim.Clock
	Sync  *kojisync.Sync // with the record, the hub's client, the rules and the clock
	URL   string         // of the hub's web server

	mu    sync.Mutex
	calls map[string]int // that the record's client made, by method
}

// World returns the world that a text describes; see worldtext.Parse.
func World(t testing.TB, text string) *kojisim.World {
	t.Helper()
	w, err := worldtext.Parse([]byte("-- world --\n"+text), 1)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Sink is by what a test may take events from a stage, from the first one on.
const Sink = "story"

// An Option says what is special about a stage.
type Option func(*options)

type options struct {
	login   koji.Login
	through func(http.Handler) http.Handler
	empty   bool
}

// As has the record's client log in as another user of the world.
func As(user, password string) Option {
	return func(o *options) { o.login = koji.Login{User: user, Password: password} }
}

// Through puts something between the record's client and the hub.
func Through(wrap func(hub http.Handler) http.Handler) Option {
	return func(o *options) { o.through = wrap }
}

// Empty has the record know nothing: it has no collection.
func Empty() Option { return func(o *options) { o.empty = true } }

// New returns a stage. The record has one collection, f44, whose packages are
// all tracked; the world has a tag and target of that name, and a build tag
// f44-build. The client logs in as koschei, who must be in the world if it does
// anything that needs that.
func New(t testing.TB, world *kojisim.World, with ...Option) *Stage {
	t.Helper()
	o := options{login: koji.Login{User: "koschei", Password: "secret"}, through: func(h http.Handler) http.Handler { return h }}
	for _, option := range with {
		option(&o)
	}
	clock := kojisim.NewStepClock(world.Now())
	hub := kojihub.New(world, clock, slog.New(slog.DiscardHandler))
	server := httptest.NewServer(o.through(hub))
	t.Cleanup(server.Close)
	s := &Stage{World: pgtest.NewWorld(t), T: t, Hub: hub, Clock: clock, URL: server.URL, calls: map[string]int{}}
	s.Store = s.Open()
	s.Sync = kojisync.New(s.Store.Record, koji.Hubs{Primary: s.client(server.URL, o.login)}, koschei.Clock{Read: clock.Now},
		koschei.DefaultPriorityRules(), slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err := s.Store.OpenSink(t.Context(), Sink, clock.Now()); err != nil {
		t.Fatal(err)
	}
	if !o.empty {
		s.AddCollection("f44", "f44-build")
		s.Poll()
	}
	return s
}

func (s *Stage) called(method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
}

// Calls returns how often a method of a hub was called on the record's behalf.
func (s *Stage) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// AllCalls is Calls of each method that was called.
func (s *Stage) AllCalls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Expect compares what a test found with what it wants.
func (s *Stage) Expect(what string, got []string, want ...string) {
	s.T.Helper()
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, got...)); diff != "" {
		s.T.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// Repositories returns where a service gets the hub's repos from.
func (s *Stage) Repositories() *resolution.Repos {
	return &resolution.Repos{
		Files: &repodata.Cache{Dir: s.T.TempDir(), Client: repodata.NewClient()},
		Arch:  "x86_64", Intern: s.Store.Sets.InternFrom,
	}
}

// AddCollection adds another collection of the packages in tag f44.
func (s *Stage) AddCollection(name, buildTag string) {
	s.T.Helper()
	author := audit.Act{Actor: koschei.Actor{Name: "test", From: koschei.FromAdmin, Admin: true}, Now: s.Clock.Now()}
	c := &koschei.Collection{
		Name: name, DisplayName: name, Target: name, DestTag: "f44", BuildTag: buildTag,
		BuildGroup: koschei.DefaultBuildGroup, PriorityCoefficient: 1, Weight: 1,
	}
	if _, err := s.Store.CreateCollection(s.T.Context(), author, c); err != nil {
		s.T.Fatal(err)
	}
}

// Poll brings the record in line with the hub and tracks everything.
func (s *Stage) Poll() {
	s.T.Helper()
	collections, err := s.Sync.DB.Collections(s.T.Context())
	if err != nil {
		s.T.Fatal(err)
	}
	for i := range collections {
		c := &collections[i]
		err := s.Sync.PackageList(s.T.Context(), c)
		s.TrackAll()
		if err == nil {
			err = s.Sync.TaggedBuilds(s.T.Context(), c)
		}
		if err == nil {
			err = s.Sync.SourceFacts(s.T.Context(), c)
		}
		if err != nil {
			s.T.Fatal(err)
		}
	}
}

// NewRepo lets the hub make another repo of f44-build.
func (s *Stage) NewRepo() {
	s.T.Helper()
	s.Administer("newRepo", "f44-build")
	s.Clock.Step(time.Hour)
}

// Administer makes a call at the hub in the name of the world's user root.
func (s *Stage) Administer(method string, params ...any) {
	s.T.Helper()
	administer(s.T, s.URL, method, params...)
}

func administer(t testing.TB, url, method string, params ...any) {
	t.Helper()
	opened, ok := call(t, url, nil, "login", "root", "secret").(xmlrpc.Struct)
	if !ok {
		t.Fatal("login failed")
	}
	id, _ := opened.Get("session-id")
	key, _ := opened.Get("session-key")
	session := neturl.Values{"session-id": {fmt.Sprint(id)}, "session-key": {fmt.Sprint(key)}}
	call(t, url, session, method, params...) // in the address, where hubs of all versions look for it
}

func call(t testing.TB, url string, session neturl.Values, method string, params ...any) any {
	t.Helper()
	body, err := xmlrpc.AppendCall(nil, xmlrpc.Call{Method: method, Params: params})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/kojihub?"+session.Encode(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	value, err := xmlrpc.NewDecoder(resp.Body, xmlrpc.Limits{}).Response()
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return value
}
