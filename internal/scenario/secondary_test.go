package scenario_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/buildresolver"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/polling"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/reporesolver"
	"github.com/koschei-ci/koschei/internal/scenario"
	"github.com/koschei-ci/koschei/internal/scheduler"
)

const primaryWorld = `
start 2026-11-23T12:00:00Z
user koschei password=secret perms=admin
user root password=secret perms=admin
user plain password=secret
channel default
channel createrepo
host builder1 arches=x86_64 capacity=20 channels=default,createrepo
tag f44
tag f44-build arches=x86_64 parents=f44
target f44 build=f44-build dest=f44
group f44-build build
member f44-build build mandatory bash
package bash tag=f44
build bash-5-1 tag=f44
 requires bash
 binary bash
repo f44-build
break broken from=1-1 it does not compile
`

// secondaryWorld has numbers of its own: its repos and events are not those of
// the other hub.
const secondaryWorld = `
start 2026-11-23T12:00:00Z
user packager password=secret
user root password=secret perms=admin
channel default
channel createrepo
host builder9 arches=x86_64 capacity=20 channels=default,createrepo
event 4000
tag el1
tag el1-build arches=x86_64 parents=el1
target el1 build=el1-build dest=el1
group el1-build build
member el1-build build mandatory shell
package shell tag=el1
package fine tag=el1
package broken tag=el1
package stuck tag=el1
build shell-1-1 tag=el1
 binary shell
build fine-1-1 tag=el1
 requires shell
 binary fine
build broken-1-1 tag=el1
 requires fine
 binary broken
build stuck-1-1 tag=el1
 requires nothing-that-exists
 binary stuck
repo el1-build
repo el1-build
repo el1-build
repo el1-build
repo el1-build
`

// A pair are all services on a stage with two hubs.
type pair struct {
	*scenario.Stage
	second    *scenario.Second
	polling   *polling.Service
	repos     *reporesolver.Service
	builds    *buildresolver.Service
	scheduler *scheduler.Service
}

func newPair(t *testing.T) *pair {
	p := &pair{Stage: scenario.New(t, scenario.World(t, primaryWorld))}
	p.second = p.AddSecondary(scenario.World(t, secondaryWorld))
	p.LogIn("koschei", "secret")
	p.AddCollection("el1", "el1-build")
	p.SetCollection("el1", pgtest.Secondary(), pgtest.DestTag("el1"))
	p.Poll()
	longAgo := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p.SetBuilds(pgtest.Started(longAgo), pgtest.Finished(longAgo))
	p.RefreshLastBuilds()
	s, repos := p.Sync, p.Repositories()
	p.polling = &polling.Service{DB: s.DB, Sync: s, Log: s.Log}
	p.repos = &reporesolver.Service{
		DB: s.DB, Hubs: s.Hubs, Mirror: p.Mirror(p.second, "one"), Repos: repos,
		Log: s.Log, Clock: s.Clock, Holder: "one", Rules: s.Rules,
	}
	p.builds = &buildresolver.Service{
		DB: s.DB, Hubs: s.Hubs, Repos: repos, Log: s.Log, Clock: s.Clock, Holder: "one", Rules: s.Rules,
	}
	p.scheduler = &scheduler.Service{
		DB: s.DB, Hub: s.Primary, Secondary: s.Secondary, Log: s.Log, Clock: s.Clock, Holder: "one",
		Config: scheduler.Config{
			Rules: s.Rules, MaxBuilds: 30, LoadThreshold: 1, BuildArches: []string{"x86_64"}, TaskPriority: 30,
			SecondaryPackages: "../packages",
		},
	}
	return p
}

// pass lets all services work once, and then some time pass.
func (p *pair) pass(d time.Duration) {
	p.T.Helper()
	once := func(name string) *loop.Loop { return onePass(name, p.Sync.Log) }
	p.polling.Run(p.T.Context(), once("polling"))
	p.repos.Run(p.T.Context(), once("repo-resolver"))
	p.builds.Run(p.T.Context(), once("build-resolver"))
	p.scheduler.Run(p.T.Context(), once("scheduler"))
	p.Clock.Step(d)
}

func (p *pair) states(collection string) []string {
	var lines []string
	for _, pkg := range p.PackagesIn(collection) {
		lines = append(lines, fmt.Sprintf("%s %s", pkg.Name, pkg.State))
	}
	return lines
}

// scratch describes scratch builds of a collection.
func (p *pair) scratch(collection string) []string {
	var lines []string
	for _, b := range p.ScratchBuilds() {
		if b.Collection == collection {
			lines = append(lines, fmt.Sprintf("%s %s %s repo %d %s", b.Package, b.Hub, b.Outcome, b.RepoID, b.Deps))
		}
	}
	return lines
}

// latest are the latest repos of all collections.
func (p *pair) latest() []string {
	var lines []string
	for _, c := range p.Collections() {
		lines = append(lines, fmt.Sprintf("%s %d", c.Name, c.LatestRepoID))
	}
	return lines
}

// expectMapping wants one repo to be on its way to the primary hub, with a task
// or without.
func (p *pair) expectMapping(what string, want pgtest.RepoMapping, task bool) {
	p.T.Helper()
	got := p.RepoMappings()
	if len(got) != 1 || (got[0].TaskID != 0) != task {
		p.T.Errorf("%s: %+v, want one with a task: %t", what, got, task)
		return
	}
	want.TaskID = got[0].TaskID
	if diff := cmp.Diff(want, got[0]); diff != "" {
		p.T.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// tasks are the tasks of a method at the primary hub, the newest first.
func (p *pair) tasks(method string) []koji.Task {
	p.T.Helper()
	tasks, err := p.Sync.Primary.ListTasks(p.T.Context(), koji.TaskQuery{Method: method, Limit: 1000})
	if err != nil {
		p.T.Fatal(err)
	}
	return tasks
}

// newRepos counts the newRepo tasks of the mirrored tag.
func (p *pair) newRepos() (n int) {
	p.T.Helper()
	for _, t := range p.tasks("newRepo") {
		if t.Source() == "el1-build" {
			n++
		}
	}
	return n
}

// requests are the sources and repos of the builds asked for in collection el1.
func (p *pair) requests() []string {
	p.T.Helper()
	var got []string
	for _, t := range p.tasks("build") {
		if !strings.Contains(t.Source(), "bash") {
			got = append(got, fmt.Sprintf("%s %d", t.Source(), t.RepoID()))
		}
	}
	slices.Sort(got)
	return got
}

// TestSecondaryMode brings a collection whose packages are at another hub from
// nothing to states.
func TestSecondaryMode(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.pass(time.Minute)
	p.Expect("before the primary hub has the repo", p.states("el1"),
		"broken ok", "fine ok", "shell ok", "stuck ok")
	p.expectMapping("mapping", pgtest.RepoMapping{RepoID: 5, Event: p.event(5)}, true)
	p.Expect("latest repos", p.latest(), "el1 0", "f44 1")
	for range 5 {
		p.pass(30 * time.Minute)
	}
	p.expectMapping("mapped", pgtest.RepoMapping{RepoID: 5, Event: p.event(5), PrimaryID: 2}, true)
	p.Expect("latest repos", p.latest(), "el1 5", "f44 1")
	p.Expect("states", p.states("el1"), "broken failing", "fine ok", "shell ok", "stuck unresolved")
	p.Expect("scratch builds", p.scratch("el1"),
		"broken primary failed repo 5 resolved",
		"fine primary complete repo 5 resolved", "shell primary complete repo 5 resolved")
	p.Expect("the other collection", p.states("f44"), "bash ok")
	var hubs []string
	for _, b := range p.Builds() {
		if b.Origin == koschei.Real {
			hubs = append(hubs, fmt.Sprintf("%s %s", b.Package, b.Hub))
		}
	}
	p.Expect("real builds", hubs,
		"bash primary", "broken secondary", "fine secondary", "shell secondary", "stuck secondary")
	p.Expect("builds asked for", p.requests(),
		"../packages/broken/1/1/src/broken-1-1.src.rpm 2",
		"../packages/fine/1/1/src/fine-1-1.src.rpm 2", "../packages/shell/1/1/src/shell-1-1.src.rpm 2")
	if n := p.newRepos(); n != 1 {
		t.Errorf("%d newRepo tasks for one repo", n)
	}

	// The other hub makes another repo.
	p.second.Administer("newRepo", "el1-build")
	for range 4 {
		p.pass(time.Hour)
	}
	p.Expect("latest repos", p.latest(), "el1 6", "f44 1")
	if n := p.newRepos(); n != 2 {
		t.Errorf("%d newRepo tasks for two repos", n)
	}
}

// TestUnpinned has builds made in whatever repo the target has: it is
// translated to the secondary hub's.
func TestUnpinned(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.Hub.World().SetPolicy(kojisim.Policy{BuildFromRepoID: false})
	mirrored := p.Sync.Primary
	p.LogIn("plain", "secret") // who may not choose the repo of a build
	p.scheduler.Hub, p.Sync.Primary = p.Sync.Primary, mirrored
	for range 8 {
		p.pass(30 * time.Minute)
	}
	got := p.scratch("el1")
	if !slices.Contains(got, "fine primary complete repo 5 resolved") {
		t.Errorf("scratch builds %v, want one of fine in repo 5 of the secondary hub", got)
	}
}

// TestMirrorInTrouble lets nothing but the collection suffer.
func TestMirrorInTrouble(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.pass(time.Second)
	p.Administer("cancelTask", p.RepoMappings()[0].TaskID)
	p.pass(time.Second)
	p.expectMapping("canceled", pgtest.RepoMapping{RepoID: 5, Event: p.event(5), Failures: 1, Failed: true}, false)
	for range 3 {
		p.pass(time.Second)
	}
	if n := p.newRepos(); n != 1 {
		t.Errorf("%d newRepo tasks just after one was canceled", n)
	}
	p.Expect("meanwhile", p.latest(), "el1 0", "f44 1")
	if got := p.CollectionRow("f44").LatestRepoResolved; got != koschei.Resolved {
		t.Errorf("meanwhile, elsewhere, the buildroot is %s", got)
	}
	for range 4 {
		p.pass(30 * time.Minute)
	}
	p.Expect("in the end", p.latest(), "el1 5", "f44 1")
	if n := p.newRepos(); n != 2 {
		t.Errorf("%d newRepo tasks, want 2", n)
	}

	// Without the secondary hub the other collection goes on.
	p.repos.Hubs.Secondary, p.repos.Mirror.Hubs.Secondary, p.scheduler.Secondary, p.Sync.Secondary = nil, nil, nil, nil
	p.SetPackage("bash", pgtest.ManualPriority(5000))
	before := len(p.scratch("f44"))
	p.pass(time.Hour)
	p.pass(time.Hour)
	if got := p.scratch("f44"); len(got) != before+1 {
		t.Errorf("scratch builds of the other collection: %v, want one more than %d", got, before)
	}
}

// TestMirrorWithoutRepo has a newRepo task end well without saying which repo it
// made: another one is asked for after a while.
func TestMirrorWithoutRepo(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	var silent atomic.Bool
	silent.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client left
		}
		if !silent.Load() || !strings.Contains(string(body), "getTaskResult") {
			r.Body = io.NopCloser(bytes.NewReader(body))
			p.Hub.ServeHTTP(w, r)
			return
		}
		answer, err := xmlrpc.AppendResponse(nil, []any{})
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write(answer)
	}))
	t.Cleanup(server.Close)
	client, err := koji.New(koji.Config{Server: server.URL + "/kojihub", TopURL: p.URL + "/kojifiles", Login: koji.Login{User: "koschei", Password: "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	p.repos.Mirror.Hubs.Primary = client
	p.pass(30 * time.Minute)
	p.pass(30 * time.Minute)
	p.expectMapping("without a repo", pgtest.RepoMapping{RepoID: 5, Event: p.event(5), Failures: 1, Failed: true}, false)
	silent.Store(false)
	for range 4 {
		p.pass(30 * time.Minute)
	}
	p.Expect("in the end", p.latest(), "el1 5", "f44 1")
	if n := p.newRepos(); n != 2 {
		t.Errorf("%d newRepo tasks, want 2", n)
	}
}

// TestMirrorKilled forgets what the last pass did not write down.
func TestMirrorKilled(t *testing.T) {
	t.Parallel()
	for _, stored := range []bool{false, true} { // the answer, before it was killed
		p := newPair(t)
		p.pass(time.Minute)
		if !stored {
			p.LoseMappingTasks()
		}
		p.repos.Mirror = p.Mirror(p.second, "two")
		for range 4 {
			p.pass(30 * time.Minute)
		}
		p.expectMapping("mapped", pgtest.RepoMapping{RepoID: 5, Event: p.event(5), PrimaryID: 2}, true)
		if n := p.newRepos(); n != 1 {
			t.Errorf("answer stored: %t: %d newRepo tasks for one repo", stored, n)
		}
	}
}

func (p *pair) event(repo int64) int64 {
	p.T.Helper()
	r, err := p.Sync.Secondary.RepoInfo(p.T.Context(), repo)
	if err != nil {
		p.T.Fatal(err)
	}
	return r.Event
}
