package mirror_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/mirror"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
)

// secondaryWorld has tags el1 and el1-build, three repos, and events that are
// higher than those of the primary hub.
func secondaryWorld() string {
	common := strings.ReplaceAll(scenario.CommonWorld, "f44", "el1")
	return strings.Replace(common, "tag el1\n", "event 4000\ntag el1\n", 1) + "repo el1-build\nrepo el1-build\nrepo el1-build\n"
}

// A fixture is a mirror between two hubs, and a collection that needs it.
type fixture struct {
	*scenario.Stage
	second     *scenario.Second
	mirror     *mirror.Mirror
	collection *koschei.Collection
	cut        atomic.Bool // whether calls of newRepo do not reach the primary hub
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{}
	f.Stage = scenario.New(t, scenario.World(t, scenario.CommonWorld+"repo f44-build\n"), scenario.As("root", "secret"), scenario.Through(f.between))
	f.second = f.AddSecondary(scenario.World(t, secondaryWorld()))
	f.AddCollection("el1", "el1-build")
	f.SetCollection("el1", pgtest.Secondary(), pgtest.DestTag("el1"))
	var err error
	if f.collection, err = f.Sync.DB.Collection(t.Context(), "el1"); err != nil {
		t.Fatal(err)
	}
	f.restart()
	return f
}

// restart has another process go on.
func (f *fixture) restart() {
	holder := postgres.Holder("first")
	if f.mirror != nil {
		holder = "after " + f.mirror.Holder
	}
	f.mirror = f.Mirror(f.second, holder)
}

// between drops connections of the client to the primary hub.
func (f *fixture) between(hub http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || f.cut.Load() && strings.Contains(string(body), "<methodName>newRepo</methodName>") {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		hub.ServeHTTP(w, r)
	})
}

// newest asks for the newest repo that both hubs have, 0 if there is none.
func (f *fixture) newest() (int64, error) {
	f.T.Helper()
	theirs, err := f.Sync.Secondary.Repo(f.T.Context(), "el1-build")
	if err != nil {
		f.T.Fatal(err)
	}
	both, err := f.mirror.Newest(f.T.Context(), f.Sync.DB, f.collection, theirs)
	if both == nil {
		return 0, err
	}
	return both.ID, err
}

// expectNewest wants a repo, and no trouble.
func (f *fixture) expectNewest(what string, want int64) {
	f.T.Helper()
	if got, err := f.newest(); err != nil || got != want {
		f.T.Errorf("%s: the newest repo at both hubs is %d (%v), want %d", what, got, err, want)
	}
}

// expectTrouble wants a repo in spite of an error.
func (f *fixture) expectTrouble(what string, want int64, text string) {
	f.T.Helper()
	if got, err := f.newest(); err == nil || !strings.Contains(err.Error(), text) || got != want {
		f.T.Errorf("%s: the newest repo at both hubs is %d (%v), want %d, and an error about %s", what, got, err, want, text)
	}
}

// tasks are the newRepo tasks of the mirrored tag at the primary hub, the newest
// first.
func (f *fixture) tasks() []koji.Task {
	f.T.Helper()
	all, err := f.Sync.Primary.ListTasks(f.T.Context(), koji.TaskQuery{Method: "newRepo", Limit: 100})
	if err != nil {
		f.T.Fatal(err)
	}
	var ours []koji.Task
	for _, task := range all {
		if task.Source() == "el1-build" {
			ours = append(ours, task)
		}
	}
	return ours
}

func (f *fixture) expectTasks(what string, want int) {
	f.T.Helper()
	if got := len(f.tasks()); got != want {
		f.T.Errorf("%s: %d newRepo tasks, want %d", what, got, want)
	}
}

// cancel cancels the newest newRepo task.
func (f *fixture) cancel() {
	f.T.Helper()
	f.Administer("cancelTask", f.tasks()[0].ID)
}

// shown are the external repos of the mirrored tag, as the primary hub has them.
func (f *fixture) shown() []string {
	f.T.Helper()
	repos, err := f.Sync.Primary.TagExternalRepos(f.T.Context(), "el1-build")
	if err != nil {
		f.T.Fatal(err)
	}
	var got []string
	for _, r := range repos {
		got = append(got, r.Name+" "+r.URL)
	}
	return got
}

func (f *fixture) expectShown(what string, repo int64) {
	f.T.Helper()
	want := fmt.Sprintf("el1-%d %s/kojifiles/repos/el1-build/%d/$arch/", repo, f.second.URL, repo)
	if diff := cmp.Diff([]string{want}, f.shown()); diff != "" {
		f.T.Errorf("%s: external repos (-want +got):\n%s", what, diff)
	}
}

// TestMirrored brings one repo after the other to the primary hub, which has
// nothing of the collection before.
func TestMirrored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.expectNewest("asked for", 0)
	f.expectNewest("on its way", 0)
	f.expectTasks("on its way", 1)
	f.expectPrepared()
	f.expectShown("on its way", 3)

	f.Clock.Step(time.Hour)
	f.expectNewest("there", 3)
	f.expectMapped(3, f.tasks()[0].ID)
	f.expectNewest("there, again", 3)
	f.expectTasks("there, again", 1)

	f.second.Administer("newRepo", "el1-build")
	f.Clock.Step(time.Hour)
	f.expectNewest("another one is asked for", 3)
	f.expectShown("another one is asked for", 4)
	f.Clock.Step(time.Hour)
	f.expectNewest("another one is there", 4)
	f.expectMapped(4, f.tasks()[0].ID)
	f.expectTasks("another one is there", 2)
}

// expectPrepared wants the primary hub to have what builds of the collection need.
func (f *fixture) expectPrepared() {
	f.T.Helper()
	target, err := f.Sync.Primary.BuildTarget(f.T.Context(), "el1")
	if err != nil || target.BuildTag != "el1-build" || target.DestTag != "el1" {
		f.T.Errorf("build target %+v, %v", target, err)
	}
	members, err := f.Sync.Primary.BuildGroup(f.T.Context(), "el1-build", "build", 0)
	if diff := cmp.Diff([]string{"bash"}, members); err != nil || diff != "" {
		f.T.Errorf("build group (-want +got), %v:\n%s", err, diff)
	}
}

// expectMapped wants a repo of the secondary hub to be told from that of the
// primary one, which a task has made, and the other way round.
func (f *fixture) expectMapped(repo, task int64) {
	f.T.Helper()
	all := f.RepoMappings()
	last := all[len(all)-1]
	primary, err := f.Sync.DB.Hub.PrimaryRepo(f.T.Context(), repo)
	if err != nil || last.RepoID != repo || last.TaskID != task || last.PrimaryID != primary {
		f.T.Errorf("mapping %+v of repo %d to %d (%v), want one by task %d", last, repo, primary, err, task)
	}
	if back, err := f.Sync.DB.Hub.SecondaryRepo(f.T.Context(), primary); err != nil || back != repo {
		f.T.Errorf("repo %d of the primary hub is %d (%v), want %d", primary, back, err, repo)
	}
	made, err := f.Sync.Primary.RepoInfo(f.T.Context(), primary)
	if err != nil || made.Tag != "el1-build" || !made.State.Usable() {
		f.T.Errorf("repo %d of the primary hub is %+v, %v", primary, made, err)
	}
}

// TestFailed cancels newRepo tasks. Each is followed by another one after a
// while, which is longer each time, and what was mirrored before stays usable.
func TestFailed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.expectNewest("asked for", 0)
	f.Clock.Step(time.Hour)
	f.expectNewest("the first is there", 3)
	f.second.Administer("newRepo", "el1-build")
	f.Clock.Step(time.Hour)
	f.expectNewest("the second is asked for", 3)
	for i, wait := range []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute} {
		what := fmt.Sprint("canceled ", i+1)
		f.cancel()
		f.expectTrouble(what, 3, "newRepo task")
		last := f.RepoMappings()[1]
		if last.RepoID != 4 || last.Failures != i+1 || last.TaskID != 0 || last.PrimaryID != 0 {
			t.Errorf("%s: mapping %+v", what, last)
		}
		f.Clock.Step(wait - time.Second)
		f.expectNewest(what+", it is not time yet", 3)
		f.expectTasks(what+", it is not time yet", 2+i)
		f.Clock.Step(time.Second)
		f.expectNewest(what+", another one is asked for", 3)
		f.expectTasks(what+", another one is asked for", 3+i)
	}
	f.Clock.Step(time.Hour)
	f.expectNewest("in the end", 4)
	f.expectMapped(4, f.tasks()[0].ID)
}

// TestRestart ends the process that has asked for a repo before it could write
// down what came of that. Another one finds the task, if there is one.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		end  func(f *fixture)
	}{
		{"the task is known", func(f *fixture) { f.expectNewest("asked for", 0) }},
		{"the answer was not stored", func(f *fixture) {
			f.expectNewest("asked for", 0)
			f.LoseMappingTasks()
		}},
		{"the answer was lost", func(f *fixture) {
			f.Hub.SetFaults(kojihub.Faults{Lose: "newRepo"})
			f.expectTrouble("asked for", 0, "bringing repo 3 to the primary hub")
			f.Hub.SetFaults(kojihub.Faults{})
		}},
		{"the call did not arrive", func(f *fixture) {
			f.cut.Store(true)
			f.expectTrouble("asked for", 0, "bringing repo 3 to the primary hub")
			f.cut.Store(false)
			f.expectTasks("asked for", 0)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			test.end(f)
			before := len(f.tasks())
			f.restart()
			f.expectNewest("after the restart", 0)
			f.expectTasks("after the restart", before)
			f.Clock.Step(f.Sync.Primary.LongestCall() + time.Second)
			if _, err := f.newest(); err != nil {
				t.Error(err)
			}
			f.expectTasks("when the call can no longer be under way", 1)
			f.Clock.Step(time.Hour)
			f.expectNewest("in the end", 3)
			f.expectTasks("in the end", 1)
			f.expectMapped(3, f.tasks()[0].ID)
		})
	}
}

// TestStranger has the primary hub have an external repo of the name that is
// needed, but from elsewhere: nothing is asked for.
func TestStranger(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Administer("createExternalRepo", "el1-3", "http://elsewhere.example/")
	f.expectTrouble("with a stranger in the way", 0, "external repo el1-3 is http://elsewhere.example/ at the primary hub, not ")
	f.expectTasks("with a stranger in the way", 0)
	if got := f.RepoMappings(); len(got) > 0 {
		t.Errorf("mappings %+v, want none", got)
	}
}
