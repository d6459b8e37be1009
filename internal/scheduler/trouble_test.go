package scheduler

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// TestRefusedPackage has the hub stumble over one package, which then does not
// keep the others waiting.
func TestRefusedPackage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.SetPackage("foo", pgtest.ManualPriority(10000))
	f.refuse = func(request string) bool {
		return strings.Contains(request, "listTagged") && strings.Contains(request, "<string>foo</string>")
	}
	f.pass(t)
	if diff := cmp.Diff([]string{"docs running 0:1-1 noarch"}, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	reason := f.PackageRow("foo").HoldReason
	if !strings.HasPrefix(reason, "Koji could not do what building it needs: ") {
		t.Errorf("foo is held for %q", reason)
	}
	f.refuse = nil
	f.clock.Step(2 * holdTrouble)
	f.pass(t)
	want := []string{"docs running 0:1-1 noarch", "foo running 3:1-1 x86_64 aarch64"}
	if diff := cmp.Diff(want, f.builds(t)); diff != "" {
		t.Errorf("builds after a while (-want +got):\n%s", diff)
	}
}

// TestRefusedBuild has the hub refuse what was written down. The package is
// held longer each time.
func TestRefusedBuild(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.onlyFoo()
	f.refuse = func(request string) bool { return strings.Contains(request, "<methodName>build</methodName>") }
	var holds []time.Duration
	for range 3 {
		f.pass(t)
		holds = append(holds, f.PackageRow("foo").HoldUntil.Sub(f.Now()))
		f.clock.Step(24 * time.Hour)
	}
	if diff := cmp.Diff([]time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour}, holds); diff != "" {
		t.Errorf("held for (-want +got):\n%s", diff)
	}
	want := []string{"foo lost 3:1-1 x86_64 aarch64 no task", "foo lost 3:1-1 x86_64 aarch64 no task", "foo lost 3:1-1 x86_64 aarch64 no task"}
	if diff := cmp.Diff(want, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
}

// TestOutage writes nothing down that the hub would not take, and asks for
// nothing twice.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, faults := range []kojihub.Faults{{Offline: "outage"}, {LockOut: true}, {HTML503: true}, {CutBefore: 1}} {
		f := newFixture(t)
		f.hub.SetFaults(faults)
		for range 2 {
			if err := f.Service.pass(t.Context()); err == nil {
				t.Errorf("%+v: no error", faults)
			}
		}
		if got := f.builds(t); len(got) > 0 {
			t.Errorf("%+v: builds %v, want none", faults, got)
		}
		if reports := f.Reports(); len(reports) != 1 || reports[0].Trouble == "" {
			t.Errorf("%+v: reports %+v, want trouble", faults, reports)
		}
		f.hub.SetFaults(kojihub.Faults{})
		f.pass(t)
		if got := len(f.tasks(t)); got != 2 {
			t.Errorf("%+v: %d tasks afterwards, want 2", faults, got)
		}
	}
}

func TestLoginRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refuse = func(request string) bool { return strings.Contains(request, "<methodName>login</methodName>") }
	if err := f.Service.pass(t.Context()); err == nil {
		t.Error("no error")
	}
	if got := f.builds(t); len(got) > 0 {
		t.Errorf("builds %v, want none", got)
	}
}

// TestLostAnswers drops connections after the hub did what it was asked for.
// However often that happens, each build has one task and each task its build.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pass(t) // logs in
	f.RemoveScratchBuilds()
	f.SetPackages(pgtest.NotHeld())
	before := len(f.tasks(t))
	f.hub.SetFaults(kojihub.Faults{CutAfter: 0.6})
	for range 20 {
		_ = f.Service.pass(t.Context()) // fails now and then
		f.clock.Step(time.Minute)
	}
	f.hub.SetFaults(kojihub.Faults{})
	f.clock.Step(time.Hour)
	f.pass(t)
	f.pass(t)
	byKey := f.tasks(t)
	for key, tasks := range byKey {
		live := 0
		for _, task := range tasks {
			if !task.State.Ended() {
				live++
			}
		}
		if len(tasks) > 1 && live > 1 {
			t.Errorf("%d tasks of build %s are left to run", live, key)
		}
	}
	withTask := 0
	for _, b := range f.ScratchBuilds() {
		if b.TaskID != 0 {
			withTask++
		}
		if b.Outcome == koschei.OutcomeLost && len(byKey[strconv.FormatInt(b.ID, 10)]) > 0 {
			t.Errorf("build %d is lost here, but the hub has it", b.ID)
		}
	}
	if len(byKey)-before != withTask {
		t.Errorf("%d builds with a task here, %d at the hub", withTask, len(byKey)-before)
	}
}

func TestTwins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.onlyFoo()
	f.pass(t)
	id := strconv.FormatInt(f.ScratchBuilds()[0].ID, 10)
	twin, err := f.Hub.Build(t.Context(), koji.ScratchBuild{Key: id, Source: "../packages/foo/1/1/src/foo-1-1.src.rpm", Target: "f40"})
	if err != nil {
		t.Fatal(err)
	}
	f.SetScratchBuilds(pgtest.Outcome(koschei.OutcomeSubmitting), pgtest.NoTask())
	f.pass(t)
	if diff := cmp.Diff([]string{"foo running 3:1-1 x86_64 aarch64"}, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	task, err := f.Hub.Task(t.Context(), twin)
	if err != nil || !task.State.Ended() {
		t.Errorf("the younger task is %+v (%v), want it canceled", task, err)
	}
}

// TestSweep finds tasks that run although the record has given their builds up.
func TestSweep(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.world.SetRules(kojisim.Rules{BuildTime: 1000})
	f.pass(t)
	f.loseBuilds()
	docs := strconv.FormatInt(f.ScratchBuilds()[0].ID, 10) // the first by name
	// foo is under way in another build by now, docs is not, but has two tasks.
	f.Build("foo", f.Now(), pgtest.At(99), pgtest.Task(999))
	for _, key := range []string{docs, "999999"} {
		_, err := f.Hub.Build(t.Context(), koji.ScratchBuild{Key: key, Source: "../packages/docs/1/1/src/docs-1-1.src.rpm", Target: "f40"})
		if err != nil {
			t.Fatal(err)
		}
	}
	before := f.live(t)
	f.pass(t)
	if diff := cmp.Diff(before, f.live(t)); diff != "" {
		t.Errorf("it looks right away (-before +after):\n%s", diff)
	}
	f.clock.Step(sweepEvery)
	f.pass(t)
	want := map[string]int64{docs: before[docs] - 1, "999999": 1}
	if diff := cmp.Diff(want, f.live(t)); diff != "" {
		t.Errorf("live tasks by build (-want +got):\n%s", diff)
	}
	wantBuilds := []string{"docs running 0:1-1 noarch", "foo lost 3:1-1 x86_64 aarch64 no task", "foo running 0:1-1 "}
	if diff := cmp.Diff(wantBuilds, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	id := f.ScratchBuilds()[0].TaskID
	task, err := f.Hub.Task(t.Context(), id)
	if err != nil || task.State.Ended() {
		t.Errorf("docs goes on in task %d, which is %+v (%v)", id, task, err)
	}
}

// once refuses one call whose body has a text.
func once(text string) (refuse func(string) bool) {
	var done atomic.Bool
	return func(body string) bool { return strings.Contains(body, text) && !done.Swap(true) }
}

// A task that the hub does not let us cancel does not keep another from being
// canceled.
func TestSweepInTrouble(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.world.SetRules(kojisim.Rules{BuildTime: 1000})
	f.pass(t)
	for _, b := range f.ScratchBuilds() {
		f.SetBuild(b.ID, pgtest.Task(10000+b.ID))
	}
	if got := f.live(t); len(got) != 2 {
		t.Fatalf("live tasks %v, want those of two builds", got)
	}
	f.refuse = once("cancelTask")
	f.clock.Step(sweepEvery)
	if err := f.Service.pass(t.Context()); err == nil || !strings.Contains(err.Error(), "KeyError") {
		t.Errorf("error %v, want that of the task", err)
	}
	if got := f.live(t); len(got) != 1 {
		t.Errorf("live tasks %v, want one less", got)
	}
}

// A submission of which the hub does not want to speak does not keep another
// from being settled, nor a package from being built.
func TestSettleInTrouble(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pass(t)
	f.SetScratchBuilds(pgtest.Outcome(koschei.OutcomeSubmitting), pgtest.NoTask())
	f.SetPackage("mainframe", pgtest.Tracked(false))
	f.SetPackage("gone", pgtest.Tracked(false))
	for _, want := range []string{"with two open ones", "with one open, and a package to build"} {
		f.refuse = once("listTasks")
		if err := f.Service.pass(t.Context()); err == nil || !strings.Contains(err.Error(), "settling build") {
			t.Errorf("%s: error %v, want that of a submission", want, err)
		}
		running := slices.DeleteFunc(f.ScratchBuilds(), func(b pgtest.Build) bool { return b.Outcome != koschei.OutcomeRunning })
		if len(running) != 1 || !running[0].Last || !f.PackageRow(running[0].Package).Running {
			t.Errorf("%s: %+v run, want the last build of one package: builds are %v", want, running, f.builds(t))
		}
		for _, b := range running {
			f.RemoveBuild(b.ID)
		}
	}
}

// TestSweepEnded finds a task that ran and ended while its build was taken for
// lost. One that was canceled for want of a build is nobody's.
func TestSweepEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pass(t)
	f.loseBuilds()
	docs := strconv.FormatInt(f.ScratchBuilds()[0].ID, 10) // the first by name
	for key, tasks := range f.tasks(t) {
		if key == docs {
			if err := f.Hub.CancelTask(t.Context(), tasks[0].ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.SetPackages(pgtest.Held(f.Now().AddDate(1, 0, 0), ""))
	f.clock.Step(4 * time.Hour)
	f.pass(t)
	want := []string{"docs lost 0:1-1 noarch no task", "foo complete 3:1-1 x86_64 aarch64"}
	if diff := cmp.Diff(want, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
}

// TestFrozen has a scheduler that takes longer to write a build down than a
// call may take: others may have given it up by then, so nothing is submitted.
func TestFrozen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.onlyFoo()
	hub, err := koji.New(koji.Config{
		Server: f.stage.URL + "/kojihub", Login: koji.Login{User: "koschei", Password: "secret"}, CallLimit: 300 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Hub = hub
	unlock := f.LockPackage("foo")
	passed := make(chan error)
	go func() { passed <- f.Service.pass(t.Context()) }()
	select {
	case err := <-passed:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the pass ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the pass goes on waiting")
	}
	unlock()
	if got := len(f.tasks(t)); got != 0 {
		t.Errorf("%d tasks, want none", got)
	}
	if got := f.builds(t); len(got) > 0 {
		t.Errorf("builds %v, want none", got)
	}
}

// TestGivesWay has a scheduler that the hub does not know hold the lease. It
// gives it to one that can work.
func TestGivesWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hub, err := koji.New(koji.Config{
		Server: f.stage.URL + "/kojihub", Login: koji.Login{User: "koschei", Password: "wrong"},
	})
	if err != nil {
		t.Fatal(err)
	}
	stranger := *f.Service
	stranger.Hub, stranger.Holder = hub, "a stranger"
	for range failuresInOffice {
		if err := stranger.pass(t.Context()); err == nil {
			t.Fatal("the hub knows the stranger")
		}
		if got := f.builds(t); len(got) > 0 {
			t.Fatalf("builds %v while the stranger holds the lease", got)
		}
		f.pass(t)
	}
	if got := f.builds(t); len(got) == 0 {
		t.Error("the stranger does not give way")
	}
}

// live counts the tasks of builds that have not ended.
func (f *fixture) live(t *testing.T) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	for key, tasks := range f.tasks(t) {
		for _, task := range tasks {
			if !task.State.Ended() {
				counts[key]++
			}
		}
	}
	return counts
}

// TestBusyArchitecture lets what fits go before what is more urgent but needs
// hosts that are busy.
func TestBusyArchitecture(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.SetPackage("foo", pgtest.ManualPriority(30000), pgtest.Override("i686"))
	f.BuildArches = append(f.BuildArches, "i386")
	f.pass(t)
	if diff := cmp.Diff([]string{"docs running 0:1-1 noarch"}, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	if got := f.PackageRow("foo").HoldReason; got != "the hosts for i686 are busy (load 1.00)" {
		t.Errorf("foo is held for %q", got)
	}
	f.LoadThreshold = 1
	f.clock.Step(2 * holdBusy)
	f.pass(t)
	want := []string{"docs running 0:1-1 noarch", "foo running 3:1-1 i686"}
	if diff := cmp.Diff(want, f.builds(t)); diff != "" {
		t.Errorf("without a look at the load (-want +got):\n%s", diff)
	}
}
