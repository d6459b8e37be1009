package scheduler

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
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
	sql    *pgtest.Console
	pool   *pgxpool.Pool // for transactions of others
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
	clock := kojisim.NewStepClock(world.Now())
	f := &fixture{world: world, clock: clock, hub: kojihub.New(world, clock, slog.New(slog.DiscardHandler))}
	f.connect(t, "koschei", "secret")
	f.fill(t, f.Hub)
	return f
}

// connect puts a scheduler between the hub and an empty record.
func (f *fixture) connect(t testing.TB, user, password string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(server.Close)
	client, err := koji.New(koji.Config{
		Server: server.URL + "/kojihub",
		Login:  koji.Login{User: user, Password: password},
		Retry:  koji.Retry{Attempts: 2, Min: 1, Max: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := pgtest.Database(t)
	f.Service = &Service{
		DB: pgtest.Open(t, cfg), Hub: client, Log: slog.New(slog.DiscardHandler), Now: f.clock.Now, Holder: t.Name(),
		Config: Config{
			Rules: koschei.DefaultPriorityRules(), MaxBuilds: 30, LoadThreshold: 0.9,
			BuildArches: []string{"x86_64", "aarch64"}, TaskPriority: 30,
		},
	}
	f.sql, f.pool = pgtest.NewConsole(t, cfg), pgtest.Connect(t, cfg)
}

func (f *fixture) fill(t testing.TB, client *koji.Client) {
	t.Helper()
	repo, err := client.Repo(t.Context(), "f40-build")
	if err != nil {
		t.Fatal(err)
	}
	f.exec(t, `
		INSERT INTO collection (name, display_name, target, dest_tag, build_tag, latest_repo_id, latest_repo_event, latest_repo_resolved)
		VALUES ('f40', 'Fedora 40', 'f40', 'f40', 'f40-build', $1, $2, 'resolved')`, repo.ID, repo.Event)
	f.exec(t, `INSERT INTO base_package (name) VALUES ('foo'), ('docs'), ('mainframe'), ('gone')`)
	f.exec(t, `
		INSERT INTO package (base_id, collection_id, name, tracked, resolution)
		SELECT b.id, c.id, b.name, true, 'resolved' FROM base_package b, collection c`)
	f.exec(t, `
		INSERT INTO build (package_id, origin, outcome, event, koji_build_id, version, release, started, finished)
		SELECT id, 'real', 'complete', 1, coalesce(array_position('{bash,foo,docs,mainframe}', name), 99), '1', '1', $1, $1 FROM package`, f.Now().AddDate(-1, 0, 0))
	f.exec(t, `
		UPDATE package p
		SET last_build_id = b.id, last_build_started = b.started, last_complete_build_id = b.id, last_complete_outcome = b.outcome
		FROM build b WHERE b.package_id = p.id`)
}

func (f *fixture) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	f.sql.Exec(sql, args...)
}

func (f *fixture) query(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	return f.sql.Lines(sql, args...)
}

// builds describes the scratch builds of the record.
func (f *fixture) builds(t *testing.T) []string {
	t.Helper()
	return f.query(t, `
		SELECT concat_ws(' ', p.name, b.outcome, b.epoch || ':' || b.version || '-' || b.release, b.arches,
			CASE WHEN b.task_id IS NULL THEN 'no task' END)
		FROM build b JOIN package p ON p.id = b.package_id WHERE b.origin = 'scratch' ORDER BY p.name, b.id`)
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
	f.exec(t, `UPDATE package SET manual_priority = 10 WHERE name = 'foo'`)
	f.pass(t)
	want := []string{"docs running 0:1-1 noarch", "foo running 3:1-1 x86_64 aarch64"}
	if diff := cmp.Diff(want, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	for _, row := range f.query(t, `
		SELECT concat_ws(' ', b.id, b.task_id, b.repo_id) FROM build b JOIN package p ON p.id = b.package_id
		WHERE p.name = 'foo' AND origin = 'scratch' AND p.running AND p.manual_priority = 0 AND b.trigger->>'manual' = '10'`) {
		checkRequest(t, f, strings.Fields(row))
	}
	held := []string{"gone: no build of it is tagged in f40", "mainframe: there is no architecture to build it for"}
	if diff := cmp.Diff(held, f.query(t, `SELECT name || ': ' || hold_reason FROM package WHERE hold_until > $1 ORDER BY 1`, f.Now())); diff != "" {
		t.Errorf("held packages (-want +got):\n%s", diff)
	}
	f.pass(t)
	if got := len(f.tasks(t)); got != 2 {
		t.Errorf("after another pass the hub has %d tasks, want still 2", got)
	}
}

// checkRequest checks what the hub was asked for: row is build, task and repo.
func checkRequest(t *testing.T, f *fixture, row []string) {
	t.Helper()
	tasks := f.tasks(t)[row[0]]
	if len(tasks) != 1 {
		t.Fatalf("the hub has %d tasks for build %s, want 1", len(tasks), row[0])
	}
	task := tasks[0]
	if got := task.Request[0]; got != "../packages/foo/1/1/src/foo-1-1.src.rpm" {
		t.Errorf("source %v", got)
	}
	if task.Request[1] != nil || task.RepoID() == 0 || row[2] == "" {
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
	f.exec(t, `UPDATE package SET static_priority = 1 WHERE name = 'docs'`)
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
	f.exec(t, `UPDATE collection SET max_builds = 1`)
	f.exec(t, `UPDATE package SET static_priority = 1 WHERE name = 'docs'`)
	f.pass(t)
	if diff := cmp.Diff([]string{"docs running 0:1-1 noarch"}, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	remark := `SELECT remark FROM collection_service WHERE service = 'scheduler'`
	if got := f.query(t, remark); got[0] != "the collection has as many builds under way as it may, 1" {
		t.Errorf("the scheduler says %q", got)
	}
	f.exec(t, `UPDATE collection SET max_builds = 3`)
	f.pass(t)
	if got := f.builds(t); len(got) != 2 {
		t.Errorf("builds %v, want another one with a higher limit", got)
	}
	if got := f.query(t, remark); got[0] != "" {
		t.Errorf("the scheduler says %q when nothing waits", got)
	}
	f.MaxBuilds = 2
	f.pass(t)
	if got := f.query(t, remark); got[0] != "all 2 places for builds are taken" {
		t.Errorf("the scheduler says %q", got)
	}
}

// What waits because all hosts are busy is not held, and it is told.
func TestBusyHosts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.LoadThreshold = -1
	f.pass(t)
	if got := f.query(t, `SELECT remark FROM collection_service`); len(got) != 1 || !strings.HasPrefix(got[0], "the hosts for all of its architectures are busy") {
		t.Errorf("the scheduler says %q", got)
	}
	if got := f.query(t, `SELECT name FROM package WHERE hold_reason <> ''`); len(got) != 0 {
		t.Errorf("%v are held, want none", got)
	}
}

func TestBrokenBuildroot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(t, `UPDATE collection SET latest_repo_resolved = 'unresolved'`)
	f.pass(t)
	if got := f.builds(t); len(got) != 0 {
		t.Errorf("builds %v, want none", got)
	}
}

// One collection with a target that is gone does not keep another from building.
func TestBrokenCollection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(t, `
		INSERT INTO collection (name, display_name, "order", target, dest_tag, build_tag, latest_repo_id, latest_repo_resolved)
		VALUES ('old', 'Old', 900, 'old', 'old', 'old-build', 1, 'resolved')`)
	f.exec(t, `
		INSERT INTO package (base_id, collection_id, name, tracked, resolution, last_build_id, last_build_started,
			last_complete_build_id, last_complete_outcome)
		SELECT p.base_id, c.id, p.name, true, 'resolved', p.last_build_id, p.last_build_started,
			p.last_complete_build_id, p.last_complete_outcome
		FROM package p, collection c WHERE c.name = 'old'`)
	err := f.Service.pass(t.Context())
	if err == nil || !strings.Contains(err.Error(), "collection old: build tag old-build") {
		t.Errorf("error %v, want one about the build tag of the old collection", err)
	}
	if got := f.builds(t); len(got) != 2 {
		t.Errorf("builds %v, want those of the other collection", got)
	}
	if got := f.query(t, `SELECT c.name || ': ' || s.trouble FROM collection_service s JOIN collection c ON c.id = s.collection_id ORDER BY 1`); len(got) != 2 ||
		got[0] != "f40: " || !strings.HasPrefix(got[1], "old: Koji says: ") {
		t.Errorf("stored troubles %q", got)
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
	f.exec(t, `UPDATE build SET outcome = 'submitting', task_id = NULL WHERE outcome = 'running'`)
	f.pass(t)
	want := []string{"docs running 0:1-1 noarch", "foo running 3:1-1 x86_64 aarch64"}
	if diff := cmp.Diff(want, f.builds(t)); diff != "" {
		t.Errorf("with tasks at the hub (-want +got):\n%s", diff)
	}
	f.exec(t, `
		INSERT INTO build (package_id, origin, outcome, event, version, release, started)
		SELECT id, 'scratch', 'submitting', 5, '1', '1', $1 FROM package WHERE name = 'gone'`, f.Now())
	f.pass(t)
	if !slices.Contains(f.builds(t), "gone submitting 0:1-1  no task") {
		t.Errorf("builds %v, want that of gone left alone as long as it may be on its way", f.builds(t))
	}
	f.clock.Step(time.Hour)
	f.pass(t)
	if !slices.Contains(f.builds(t), "gone lost 0:1-1  no task") {
		t.Errorf("builds %v, want that of gone lost", f.builds(t))
	}
	if got := f.query(t, `SELECT hold_reason || ' ' || faults FROM package WHERE name = 'gone'`); got[0] != "Koji has no task for it 1" {
		t.Errorf("gone is held for %v", got)
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
	if (f.lease == nil) == (second.lease == nil) {
		t.Error("either both or none hold the lease")
	}
}

func TestNextTurn(t *testing.T) {
	t.Parallel()
	a := &queue{collection: koschei.Collection{ID: 1, Weight: 1}}
	b := &queue{collection: koschei.Collection{ID: 2, Weight: 3}}
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
