package scheduler

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
)

const hubWorld = `
-- world --
start 2026-11-23T12:00:00Z
user koschei password=secret
channel default
host builder1 arches=x86_64,aarch64 capacity=8 channels=default
tag f40
tag f40-build arches=x86_64,aarch64,i686 parents=f40
target f40 build=f40-build dest=f40
group f40-build build
member f40-build build mandatory bash
package bash tag=f40
package foo tag=f40
package docs tag=f40
package mainframe tag=f40
package gone tag=f40
build bash-5-1 tag=f40
 binary bash
build foo-1-1 epoch=3 tag=f40
 requires bash
 binary foo
build docs-1-1 tag=f40
 requires bash
 buildarchs noarch
 binary docs noarch
build mainframe-1-1 tag=f40
 requires bash
 exclusivearch s390x
 binary mainframe
repo f40-build
`

// A fixture is a scheduler between a simulated hub and a record that knows the
// hub's packages; each has a real build that is a year old.
type fixture struct {
	*Service
	*pgtest.World
	stage  *scenario.Stage
	world  *kojisim.World
	hub    *kojihub.Hub
	clock  *kojisim.Clock
	refuse func(request string) bool // calls that the hub answers with a fault; nil: none
}

// serve is the hub, but for what it refuses.
func (f *fixture) serve(w http.ResponseWriter, r *http.Request) {
	if f.refuse != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client left
		}
		if f.refuse(string(body)) {
			answer, err := xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: 1, String: "Traceback\nKeyError: 'it'"})
			if err != nil {
				panic(err)
			}
			w.Header().Set("Content-Type", "text/xml")
			_, _ = w.Write(answer)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
	}
	f.hub.ServeHTTP(w, r)
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	world, err := worldtext.Parse([]byte(hubWorld), 1)
	if err != nil {
		t.Fatal(err)
	}
	f := fixtureOf(t, world, "koschei", "secret")
	f.fill(t)
	return f
}

// fixtureOf is a scheduler, which logs in as user, between the hub of a world
// and an empty record.
func fixtureOf(t testing.TB, world *kojisim.World, user, password string) *fixture {
	t.Helper()
	f := &fixture{world: world}
	f.stage = scenario.New(t, world, scenario.Empty(), scenario.As(user, password),
		scenario.Through(func(http.Handler) http.Handler { return http.HandlerFunc(f.serve) }))
	f.World, f.hub, f.clock = f.stage.World, f.stage.Hub, f.stage.Clock
	f.Service = &Service{
		DB: f.stage.Sync.DB, Hub: f.stage.Sync.Primary, Log: slog.New(slog.DiscardHandler), Clock: koschei.Clock{Read: f.clock.Now}, Holder: "us",
		Config: Config{
			Rules: koschei.DefaultPriorityRules(), MaxBuilds: 30, LoadThreshold: 0.9,
			BuildArches: []string{"x86_64", "aarch64"}, TaskPriority: 30,
		},
	}
	return f
}

// fill has the record know collection f40.
func (f *fixture) fill(t testing.TB) {
	t.Helper()
	repo, err := f.Hub.Repo(t.Context(), "f40-build")
	if err != nil {
		t.Fatal(err)
	}
	f.Collection("f40", pgtest.LatestRepo(repo.ID, repo.Event))
	f.addPackages("f40")
}

// addPackages adds the packages of the world, and one that the hub does not have,
// to a collection.
func (f *fixture) addPackages(collection string) {
	for name, build := range map[string]int64{"foo": 2, "docs": 3, "mainframe": 4, "gone": 99} {
		f.Package(collection, name, pgtest.Resolution(koschei.Resolved))
		f.BuildIn(collection, name, f.Now().AddDate(-1, 0, 0), pgtest.Real(build), pgtest.Outcome(koschei.OutcomeComplete), pgtest.At(1))
	}
}

// onlyFoo leaves one package to build.
func (f *fixture) onlyFoo() {
	f.SetPackages(pgtest.Tracked(false))
	f.SetPackage("foo", pgtest.Tracked(true))
}

// loseBuilds gives all scratch builds up, as if the hub had no tasks of them.
func (f *fixture) loseBuilds() {
	f.SetScratchBuilds(pgtest.Outcome(koschei.OutcomeLost), pgtest.NoTask(), pgtest.Finished(f.Now()))
}

// held are the packages that are held now, with why.
func (f *fixture) held() []string {
	var lines []string
	for _, p := range f.Packages() {
		if p.HoldUntil.After(f.Now()) {
			lines = append(lines, p.Name+": "+p.HoldReason)
		}
	}
	return lines
}

// builds describes the scratch builds of the record.
func (f *fixture) builds(t testing.TB) []string {
	t.Helper()
	var lines []string
	for _, b := range f.ScratchBuilds() {
		line := fmt.Sprintf("%s %s %s %s", b.Package, b.Outcome, b.EVR(), b.Arches)
		if b.TaskID == 0 {
			line += " no task"
		}
		lines = append(lines, line)
	}
	return lines
}

func (f *fixture) pass(t testing.TB) {
	t.Helper()
	if err := f.Service.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// tasks returns the builds the hub has, by our key in them.
func (f *fixture) tasks(t *testing.T) map[string][]koji.Task {
	t.Helper()
	all, err := f.Hub.ListTasks(t.Context(), koji.TaskQuery{Method: "build", Limit: 10000})
	if err != nil {
		t.Fatal(err)
	}
	byKey := map[string][]koji.Task{}
	for _, task := range all {
		if task.Key() != "" {
			byKey[task.Key()] = append(byKey[task.Key()], task)
		}
	}
	return byKey
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.SetPackage("foo", pgtest.ManualPriority(10))
	f.pass(t)
	want := []string{"docs running 0:1-1 noarch", "foo running 3:1-1 x86_64 aarch64"}
	if diff := cmp.Diff(want, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	if p := f.PackageRow("foo"); !p.Running || p.ManualPriority != 0 {
		t.Errorf("foo is %+v, want it running and its priority spent", p)
	}
	for _, b := range f.ScratchBuilds() {
		if b.Package == "foo" {
			checkRequest(t, f, &b)
		}
	}
	held := []string{"gone: no build of it is tagged in f40", "mainframe: there is no architecture to build it for"}
	if diff := cmp.Diff(held, f.held()); diff != "" {
		t.Errorf("held packages (-want +got):\n%s", diff)
	}
	f.pass(t)
	if got := len(f.tasks(t)); got != 2 {
		t.Errorf("after another pass the hub has %d tasks, want still 2", got)
	}
}

// checkRequest checks what the hub was asked for in a build of foo.
func checkRequest(t *testing.T, f *fixture, b *pgtest.Build) {
	t.Helper()
	var terms struct{ Manual float64 }
	if err := json.Unmarshal([]byte(b.Trigger), &terms); err != nil || terms.Manual != 10 {
		t.Errorf("the build was triggered by %s (%v), want manual 10", b.Trigger, err)
	}
	tasks := f.tasks(t)[strconv.FormatInt(b.ID, 10)]
	if len(tasks) != 1 {
		t.Fatalf("the hub has %d tasks for build %d, want 1", len(tasks), b.ID)
	}
	task := tasks[0]
	if task.ID != b.TaskID {
		t.Errorf("task %d, want %d", b.TaskID, task.ID)
	}
	if got := task.Request[0]; got != "../packages/foo/1/1/src/foo-1-1.src.rpm" {
		t.Errorf("source %v", got)
	}
	if task.Request[1] != nil || task.RepoID() == 0 || b.RepoID == 0 {
		t.Errorf("target %v and repo %d, want none and the collection's", task.Request[1], task.RepoID())
	}
	if task.Priority != 50 {
		t.Errorf("priority %d, want 20 + 30", task.Priority)
	}
}

func TestMaxBuilds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.MaxBuilds = 1
	f.SetPackage("docs", pgtest.StaticPriority(1))
	f.pass(t)
	f.pass(t)
	if diff := cmp.Diff([]string{"docs running 0:1-1 noarch"}, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
}

// A collection with a limit of its own leaves the other places to others, and
// says why.
func TestMaxBuildsOfCollection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.SetCollection("f40", pgtest.MaxBuilds(1))
	f.SetPackage("docs", pgtest.StaticPriority(1))
	f.pass(t)
	if diff := cmp.Diff([]string{"docs running 0:1-1 noarch"}, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	if got := f.remark(t); got != "the collection has as many builds under way as it may, 1" {
		t.Errorf("the scheduler says %q", got)
	}
	f.SetCollection("f40", pgtest.MaxBuilds(3))
	f.pass(t)
	if got := f.builds(t); len(got) != 2 {
		t.Errorf("builds %v, want another one with a higher limit", got)
	}
	if got := f.remark(t); got != "" {
		t.Errorf("the scheduler says %q when nothing waits", got)
	}
	f.MaxBuilds = 2
	f.pass(t)
	if got := f.remark(t); got != "all 2 places for builds are taken" {
		t.Errorf("the scheduler says %q", got)
	}
}

// Of what is paused nothing is submitted until it is resumed, and it is told.
func TestPaused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.SetCollection("f40", pgtest.Paused(true))
	f.pass(t)
	if got := f.remark(t); len(f.builds(t)) > 0 || got != "it is paused: koschei-admin resume goes on" {
		t.Errorf("builds %v while it is paused, and the scheduler says %q", f.builds(t), got)
	}
	f.SetCollection("f40", pgtest.Paused(false))
	f.pass(t)
	if len(f.builds(t)) == 0 {
		t.Error("nothing is built when it is resumed")
	}
}

// Without a login nothing is built, which is told and is no failure.
func TestWithoutLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	server := httptest.NewServer(http.HandlerFunc(f.serve))
	defer server.Close()
	hub, err := koji.New(koji.Config{Server: server.URL + "/kojihub"})
	if err != nil {
		t.Fatal(err)
	}
	f.Hub = hub
	f.pass(t)
	if got := f.remark(t); len(f.builds(t)) > 0 || got != "there is no login at Koji, so nothing is built (koji.login is none)" {
		t.Errorf("builds %v, and the scheduler says %q", f.builds(t), got)
	}
}

// remark is what the scheduler said of the collection.
func (f *fixture) remark(t *testing.T) string {
	t.Helper()
	reports := f.Reports()
	if len(reports) != 1 || reports[0].Service != "scheduler" {
		t.Fatalf("reports %+v, want one of the scheduler", reports)
	}
	return reports[0].Remark
}

// What waits because all hosts are busy is not held, and it is told.
func TestBusyHosts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.LoadThreshold = -1
	f.pass(t)
	if got := f.remark(t); !strings.HasPrefix(got, "the hosts for all of its architectures are busy") {
		t.Errorf("the scheduler says %q", got)
	}
	for _, p := range f.Packages() {
		if p.HoldReason != "" {
			t.Errorf("%s is held: %s", p.Name, p.HoldReason)
		}
	}
}

// Where no host is ready it is not said that they are busy.
func TestNoHostIsReady(t *testing.T) {
	t.Parallel()
	for _, is := range []string{"disabled", "absent"} {
		world, err := worldtext.Parse([]byte(strings.Replace(hubWorld, "channels=default", "channels=default "+is, 1)), 1)
		if err != nil {
			t.Fatal(err)
		}
		f := fixtureOf(t, world, "koschei", "secret")
		f.fill(t)
		f.pass(t)
		if got := f.remark(t); got != "no host that builds for its architectures is enabled and ready" {
			t.Errorf("%s: the scheduler says %q", is, got)
		}
	}
}

func TestBrokenBuildroot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.SetCollection("f40", pgtest.BrokenBuildroot())
	f.pass(t)
	if got := f.builds(t); len(got) != 0 {
		t.Errorf("builds %v, want none", got)
	}
}

// One collection with a target that is gone does not keep another from building.
func TestBrokenCollection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Collection("old", pgtest.Order(900), pgtest.LatestRepo(1, 0))
	f.addPackages("old")
	err := f.Service.pass(t.Context())
	if err == nil || !strings.Contains(err.Error(), "collection old: build tag old-build") {
		t.Errorf("error %v, want one about the build tag of the old collection", err)
	}
	if got := f.builds(t); len(got) != 2 {
		t.Errorf("builds %v, want those of the other collection", got)
	}
	if got := f.Reports(); len(got) != 2 || got[0].Collection != "f40" || got[0].Trouble != "" ||
		got[1].Collection != "old" || !strings.HasPrefix(got[1].Trouble, "Koji says: ") {
		t.Errorf("stored reports %+v", got)
	}
	f.pass(t) // without the old one, which rests
	f.clock.Step(2 * rest)
	if err := f.Service.pass(t.Context()); err == nil {
		t.Error("no error after the old collection's rest")
	}
}

// A row that was written down before a crash is completed if the hub has its
// task, and given up if it has none and can no longer get one.
func TestSettle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pass(t)
	f.SetScratchBuilds(pgtest.Outcome(koschei.OutcomeSubmitting), pgtest.NoTask())
	f.pass(t)
	want := []string{"docs running 0:1-1 noarch", "foo running 3:1-1 x86_64 aarch64"}
	if diff := cmp.Diff(want, f.builds(t)); diff != "" {
		t.Errorf("with tasks at the hub (-want +got):\n%s", diff)
	}
	f.Build("gone", f.Now(), pgtest.Outcome(koschei.OutcomeSubmitting), pgtest.At(5))
	f.pass(t)
	if !slices.Contains(f.builds(t), "gone submitting 0:1-1  no task") {
		t.Errorf("builds %v, want that of gone left alone as long as it may be on its way", f.builds(t))
	}
	f.clock.Step(time.Hour)
	f.pass(t)
	if !slices.Contains(f.builds(t), "gone lost 0:1-1  no task") {
		t.Errorf("builds %v, want that of gone lost", f.builds(t))
	}
	if p := f.PackageRow("gone"); p.HoldReason != "Koji has no task for it" || p.Faults != 1 {
		t.Errorf("gone is held for %q after %d faults", p.HoldReason, p.Faults)
	}
}

// Two schedulers at once submit everything once.
func TestReplicas(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	second := *f.Service
	second.Holder = "another"
	done := make(chan error, 1)
	go func() { done <- second.pass(t.Context()) }()
	first := f.Service.pass(t.Context())
	if err := <-done; err != nil || first != nil {
		t.Fatal(first, err)
	}
	for key, tasks := range f.tasks(t) {
		if len(tasks) != 1 {
			t.Errorf("%d tasks for build %s, want 1", len(tasks), key)
		}
	}
	if got := len(f.builds(t)); got != 2 {
		t.Errorf("%d builds, want 2", got)
	}
	if got := f.Leases(); len(got) != 1 {
		t.Errorf("leases %v, want one", got)
	}
}

// What is remembered of a collection goes with it.
func TestDeletedCollectionIsForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c, err := f.DB.Collection(t.Context(), "f40")
	if err != nil {
		t.Fatal(err)
	}
	f.resting = map[int64]time.Time{c.ID: f.Now(), 999: f.Now()}
	f.turn = map[int64]int{c.ID: 1, 999: 2}
	f.pass(t)
	if _, kept := f.turn[c.ID]; !kept || len(f.turn) != 1 || !f.resting[999].IsZero() {
		t.Errorf("resting %v, turns %v, want those of collection %d alone", f.resting, f.turn, c.ID)
	}
}

func TestNextTurn(t *testing.T) {
	t.Parallel()
	a := &queue{submitter: submitter{collection: koschei.Collection{ID: 1, Weight: 1}}}
	b := &queue{submitter: submitter{collection: koschei.Collection{ID: 2, Weight: 3}}}
	running, turns := map[int64]int{}, ""
	for range 8 {
		q := (&Service{}).nextTurn([]*queue{a, b}, running)
		running[q.collection.ID]++
		turns += map[*queue]string{a: "a", b: "b"}[q]
	}
	if running[1] != 2 || running[2] != 6 {
		t.Errorf("turns %s, want three of b for each of a", turns)
	}
}

func TestLoads(t *testing.T) {
	t.Parallel()
	l := loadsOf([]koji.Host{
		{Arches: []string{"i386", "x86_64"}, Capacity: 4, Load: 1, Ready: true},
		{Arches: []string{"x86_64"}, Capacity: 4, Load: 9, Ready: true},
		{Arches: []string{"aarch64"}, Capacity: 2, Ready: false},
	}, []string{"x86_64", "i686", "aarch64", "s390x"})
	for _, tt := range []struct {
		arches string
		want   float64
	}{
		{"x86_64", 5.0 / 8}, {"i686", 1.0 / 4}, {"i686 x86_64", 5.0 / 8}, {"aarch64 i686", 1}, {"s390x", 1}, {"noarch", 1.0 / 4},
	} {
		if got, _ := l.of(strings.Fields(tt.arches)); got != tt.want {
			t.Errorf("load of %s is %v, want %v", tt.arches, got, tt.want)
		}
	}
}
