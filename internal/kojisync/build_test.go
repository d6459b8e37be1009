package kojisync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// breakage is what breaks foo from a version on.
func breakage(from string) kojisim.Breakage {
	return kojisim.Breakage{Package: "foo", From: rpm.EVR{Version: from, Release: "1"}, Message: "error: it is broken"}
}

// tracked is a fixture whose record knows the hub's packages and tracks them.
func tracked(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.poll()
	f.SetPackages(pgtest.Tracked(true), pgtest.Resolution(koschei.Resolved))
	f.NoteStates()
	return f
}

// end returns how a build ended, with the fault cut to its first words.
func (f *fixture) end(id int64) string {
	f.t.Helper()
	b := f.BuildRow(id)
	return strings.TrimSpace(string(b.Outcome) + " " + b.Fault[:min(60, len(b.Fault))])
}

func (f *fixture) priorities(pkg string) string {
	f.t.Helper()
	p := f.PackageRow(pkg)
	return fmt.Sprintf("%s %d %d %d %d", p.State, p.ManualPriority, p.StaticPriority, p.BuildPriority, p.DependencyPriority)
}

func TestBuildGoesOn(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	id, task := f.submit("foo")
	f.follow()
	if got := f.end(id); got != "running" {
		t.Errorf("at first the build is %s, want running", got)
	}
	f.pass(2 * time.Minute)
	f.follow()
	repo, err := f.Primary.Repo(t.Context(), "f40-build")
	if err != nil {
		t.Fatal(err)
	}
	if b := f.BuildRow(id); b.RepoID != repo.ID || b.TaskID != task {
		t.Errorf("repo %d, task %d; want %d and %d", b.RepoID, b.TaskID, repo.ID, task)
	}
	f.pass(24 * time.Hour)
	f.follow()
	if got := f.end(id); got != "complete" {
		t.Errorf("in the end the build is %s, want complete", got)
	}
	var tasks []string
	for _, task := range f.BuildTasksOf(id) {
		tasks = append(tasks, fmt.Sprintf("%s %s %s", task.Method, task.Arch, task.State))
	}
	slices.Sort(tasks)
	want := []string{"buildArch aarch64 closed", "buildArch x86_64 closed", "rebuildSRPM noarch closed"}
	if diff := cmp.Diff(want, tasks); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	f.follow()
	if got := f.StateMessages(); len(got) > 0 {
		t.Errorf("messages %v, want none: it was ok and is ok", got)
	}
}

// TestPriorities follows what two failures and a success do to what raises a
// package.
func TestPriorities(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	raise := func() {
		f.SetPackages(pgtest.ManualPriority(5), pgtest.StaticPriority(8), pgtest.BuildPriority(6))
		f.SetDependencyPriorities(7)
	}
	steps := []struct {
		do   func()
		want string
	}{
		{func() { f.world.Break(breakage("1")) }, "failing 0 8 200 0"},
		{func() {}, "failing 0 8 0 0"},
		{func() { f.world.SetRules(kojisim.Rules{}); f.Administer("tagBuildBypass", "f40", "foo-2-1"); f.poll() }, "failing 0 8 200 0"},
	}
	f.world.Break(breakage("2"))
	for i, step := range steps {
		step.do()
		raise()
		f.submit("foo")
		f.submit("bash") // other packages' builds make no difference
		f.pass(24 * time.Hour)
		f.follow()
		if got := f.priorities("foo"); got != step.want {
			t.Errorf("step %d: state and priorities %s, want %s", i+1, got, step.want)
		}
		if got := f.priorities("bash"); got != "ok 0 8 0 0" {
			t.Errorf("step %d: bash has %s, want ok 0 8 0 0", i+1, got)
		}
	}
	want := []string{"foo ok failing", "foo failing ok", "foo ok failing"}
	if diff := cmp.Diff(want, f.StateMessages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestBuildThatCouldNotWork(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	id, _ := f.submit("docs")
	f.SetBuild(id, pgtest.Deps(koschei.DepsUnresolved))
	f.pass(24 * time.Hour)
	f.follow()
	if got, want := f.end(id), "failed error building package (arch noarch), mock exited with statu"; got != want {
		t.Errorf("the build is %q, want %q", got, want)
	}
	if got := f.priorities("docs"); got != "failing 0 0 3000 0" {
		t.Errorf("state and priorities %s, want failing 0 0 3000 0", got)
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(f *fixture, id, task int64)
		want string
	}{
		{"on request", func(f *fixture, id, _ int64) {
			author := audit.Act{Actor: koschei.Actor{Name: "somebody", From: koschei.FromFrontend, Admin: true}, Now: f.Now()}
			if _, err := f.Store.RequestCancel(f.t.Context(), author, id); err != nil {
				f.t.Error(err)
			}
			if _, err := f.Store.RequestCancel(f.t.Context(), author, id); !errors.Is(err, koschei.ErrConflict) {
				f.t.Errorf("a second request: error %v, want %v", err, koschei.ErrConflict)
			}
		}, "canceled canceled on request"},
		{"no builder", func(f *fixture, id, _ int64) {
			f.SetBuild(id, pgtest.Started(f.Now().Add(-49*time.Hour)))
		}, "infrastructure no builder took it within 48h0m0s"},
		{"timeout", func(f *fixture, id, _ int64) {
			f.clock.Step(time.Minute)
			f.SetBuild(id, pgtest.Started(f.Now().Add(-49*time.Hour)))
		}, "timeout canceled after 48h0m0s, the longest time a build may take"},
		{"in Koji", func(f *fixture, _, task int64) {
			f.Administer("cancelTask", task)
		}, "canceled canceled in Koji"},
		{"no such task", func(f *fixture, id, task int64) {
			f.SetBuild(id, pgtest.Task(9999))
		}, "lost Koji has no task 9999"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := tracked(t)
			f.SetDependencyPriorities(7)
			id, task := f.submit("foo")
			test.do(f, id, task)
			for range 2 { // the second time there is nothing to do
				if err := f.CancelBuilds(t.Context()); err != nil {
					t.Fatal(err)
				}
				f.follow()
			}
			if got := f.end(id); got != test.want {
				t.Errorf("the build is %q, want %q", got, test.want)
			}
			if got := f.priorities("foo"); got != "ok 0 0 0 7" {
				t.Errorf("state and priorities %s, want ok 0 0 0 7", got)
			}
			if p := f.PackageRow("foo"); p.Faults != 1 || !p.HoldUntil.After(f.Now()) {
				t.Errorf("%d faults, held until %s, want 1 and later than now", p.Faults, p.HoldUntil)
			}
			if tasks, err := f.Primary.Task(t.Context(), task); test.name != "no such task" && (err != nil || !tasks.State.Ended()) {
				t.Errorf("the task is %+v (%v), want it over", tasks, err)
			}
		})
	}
}

// TestBackOff has builds end for no fault of the package again and again.
func TestBackOff(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	f.world.SetRules(kojisim.Rules{Infrastructure: 1})
	var holds []time.Duration
	for range 8 {
		id, _ := f.submit("foo")
		f.pass(24 * time.Hour)
		f.follow()
		if got := f.end(id); !strings.HasPrefix(got, "infrastructure ") {
			t.Errorf("the build is %q", got)
		}
		holds = append(holds, f.PackageRow("foo").HoldUntil.Sub(f.Now()))
	}
	want := []time.Duration{
		30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, 24 * time.Hour, 24 * time.Hour,
	}
	if diff := cmp.Diff(want, holds); diff != "" {
		t.Errorf("held for (-want +got):\n%s", diff)
	}
	f.world.SetRules(kojisim.Rules{})
	f.submit("foo")
	f.pass(24 * time.Hour)
	f.follow()
	if p := f.PackageRow("foo"); p.Faults != 0 || !p.HoldUntil.IsZero() || p.State != koschei.StateOK {
		t.Errorf("after a good build: %+v, want it ok, without faults and not held", p)
	}
}

// TestHeardTwice applies what is heard late, twice and by two at once.
func TestHeardTwice(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	f.world.Break(breakage("1"))
	id, _ := f.submit("foo")
	early, err := f.DB.RunningBuilds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.pass(24 * time.Hour)
	done := make(chan error)
	for range 4 {
		go func() { done <- f.FollowBuilds(context.WithoutCancel(t.Context()), early) }()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := f.end(id); !strings.HasPrefix(got, "failed ") {
		t.Errorf("the build is %q", got)
	}
	if diff := cmp.Diff([]string{"foo ok failing"}, f.StateMessages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if got := f.priorities("foo"); got != "failing 0 0 200 0" {
		t.Errorf("state and priorities %s, want failing 0 0 200 0", got)
	}
}

// TestOutage leaves everything as it is while the hub is away.
func TestOutage(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	id, _ := f.submit("foo")
	f.pass(24 * time.Hour)
	for _, faults := range []kojihub.Faults{{Offline: "outage"}, {HTML503: true}, {CutBefore: 1}, {CutAfter: 1}, {Truncate: 1}} {
		f.hub.SetFaults(faults)
		if err := f.RunningBuilds(t.Context()); err == nil {
			t.Errorf("%+v: no error", faults)
		}
		if err := f.PackageList(t.Context(), f.collection()); err == nil {
			t.Errorf("%+v: no error", faults)
		}
		if err := f.TaggedBuilds(t.Context(), f.collection()); err == nil {
			t.Errorf("%+v: no error", faults)
		}
	}
	if got := f.end(id); got != "running" {
		t.Errorf("the build is %q, want running", got)
	}
	f.hub.SetFaults(kojihub.Faults{})
	f.follow()
	if got := f.end(id); got != "complete" {
		t.Errorf("the build is %q, want complete", got)
	}
}

// TestOutcomes lets tasks fail in every way that the simulated hub knows.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		pkg    string
		do     func(f *fixture)
		want   string
		method string // of the task that is to blame
	}{
		{"source", "foo", func(f *fixture) { f.world.Break(breakage("1")) }, "failed error building package (arch ", "buildArch"},
		{"one architecture", "foo", func(f *fixture) {
			b := breakage("1")
			b.Arch = "aarch64"
			f.world.Break(b)
		}, "failed error building package (arch aarch64)", "buildArch"},
		{"dependencies", "docs", func(*fixture) {}, "failed error building package (arch noarch)", "buildArch"},
		{"infrastructure", "foo", func(f *fixture) { f.world.SetRules(kojisim.Rules{Infrastructure: 1}) }, "infrastructure ", ""},
		{"no source package", "foo", func(f *fixture) {
			f.Administer("untagBuildBypass", "f40", "foo-1-1")
			f.Administer("deleteBuild", "foo-1-1", xmlrpc.Struct{{Name: "__starstar", Value: true}, {Name: "min_ref_age", Value: 0}})
		}, "infrastructure ", "rebuildSRPM"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := tracked(t)
			id, _ := f.submit(test.pkg)
			test.do(f)
			f.pass(24 * time.Hour)
			f.follow()
			if got := f.end(id); !strings.HasPrefix(got, test.want) {
				t.Errorf("the build is %q, want %s…", got, test.want)
			}
			if test.method == "" {
				return
			}
			method := "another task"
			for _, task := range f.BuildTasksOf(id) {
				if task.TaskID == f.BuildRow(id).FaultTaskID {
					method = task.Method
				}
			}
			if method != test.method {
				t.Errorf("to blame is %s, want %s", method, test.method)
			}
		})
	}
}

func TestPolicyViolation(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	f.world.SetPolicy(kojisim.Policy{})
	id, _ := f.submit("foo")
	task, err := f.Primary.Build(t.Context(), koji.ScratchBuild{
		Key: "other", Source: "../packages/foo/1/1/src/foo-1-1.src.rpm", RepoID: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.SetBuild(id, pgtest.Task(task))
	f.pass(24 * time.Hour)
	f.follow()
	if got := f.end(id); !strings.HasPrefix(got, "infrastructure policy violation (build_from_repo_id)") {
		t.Errorf("the build is %q", got)
	}
	if got := f.PackageRow("foo").HoldUntil.Sub(f.Now()); got != time.Minute {
		t.Errorf("held for %s, want a minute", got)
	}
	refused, err := f.DB.PinningRefused(t.Context())
	if err != nil || refused.IsZero() {
		t.Errorf("pinning refused at %v (%v), want a time", refused, err)
	}
}
