package kojisync

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres"
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
	f.exec(`UPDATE package SET tracked = true, resolution = 'resolved'`)
	f.exec(`UPDATE package SET noted_state = state`)
	return f
}

// end returns how a build ended, with the fault cut to its first words.
func (f *fixture) end(id int64) string {
	f.t.Helper()
	return f.query(`SELECT concat_ws(' ', outcome, nullif(left(fault, 60), '')) FROM build WHERE id = $1`, id)[0]
}

func (f *fixture) priorities(pkg string) string {
	f.t.Helper()
	return f.query(`
		SELECT concat_ws(' ', state, manual_priority, static_priority, build_priority, coalesce(dependency_priority, 0))
		FROM package
		LEFT JOIN resolution ON package_id = id
		WHERE name = $1`, pkg)[0]
}

// change gives all packages a dependency priority.
func (f *fixture) change(priority int) {
	f.t.Helper()
	f.exec(`
		INSERT INTO resolution (package_id, collection_id, repo_id, dependency_priority)
		SELECT id, collection_id, 1, $1 FROM package
		ON CONFLICT (package_id) DO UPDATE SET dependency_priority = excluded.dependency_priority`, priority)
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
	repoID := f.sql.Number(`SELECT coalesce(repo_id, 0) FROM build WHERE id = $1`, id)
	stored := f.sql.Number(`SELECT task_id FROM build WHERE id = $1`, id)
	if repoID != repo.ID || stored != task {
		t.Errorf("repo %d, task %d; want %d and %d", repoID, stored, repo.ID, task)
	}
	f.pass(24 * time.Hour)
	f.follow()
	if got := f.end(id); got != "complete" {
		t.Errorf("in the end the build is %s, want complete", got)
	}
	tasks := f.query(`
		SELECT concat_ws(' ', method, arch, state) FROM build_task WHERE build_id = $1
		ORDER BY method, arch`, id)
	want := []string{"buildArch aarch64 closed", "buildArch x86_64 closed", "rebuildSRPM noarch closed"}
	if diff := cmp.Diff(want, tasks); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	f.follow()
	if got := f.messages(); len(got) > 0 {
		t.Errorf("messages %v, want none: it was ok and is ok", got)
	}
}

// TestPriorities follows what two failures and a success do to what raises a
// package.
func TestPriorities(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	raise := func() {
		f.exec(`UPDATE package SET manual_priority = 5, static_priority = 8, build_priority = 6`)
		f.change(7)
	}
	steps := []struct {
		do   func()
		want string
	}{
		{func() { f.world.Break(breakage("1")) }, "failing 0 8 200 0"},
		{func() {}, "failing 0 8 0 0"},
		{func() { f.world.SetRules(kojisim.Rules{}); f.administer("tagBuildBypass", "f40", "foo-2-1"); f.poll() }, "failing 0 8 200 0"},
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
	if diff := cmp.Diff(want, f.messages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestBuildThatCouldNotWork(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	id, _ := f.submit("docs")
	f.exec(`UPDATE build SET deps = 'unresolved' WHERE id = $1`, id)
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
			author := postgres.Author{Name: "somebody", Environment: postgres.FromFrontend, Now: f.Now()}
			if _, err := f.DB.RequestCancel(f.t.Context(), author, id); err != nil {
				f.t.Error(err)
			}
			if _, err := f.DB.RequestCancel(f.t.Context(), author, id); !errors.Is(err, koschei.ErrConflict) {
				f.t.Errorf("a second request: error %v, want %v", err, koschei.ErrConflict)
			}
		}, "canceled canceled on request"},
		{"timeout", func(f *fixture, id, _ int64) {
			f.exec(`UPDATE build SET started = started - interval '49 hours' WHERE id = $1`, id)
		}, "timeout canceled after 48h0m0s, the longest time a build may take"},
		{"in Koji", func(f *fixture, _, task int64) {
			f.administer("cancelTask", task)
		}, "canceled canceled in Koji"},
		{"no such task", func(f *fixture, id, task int64) {
			f.exec(`UPDATE build SET task_id = 9999 WHERE id = $1`, id)
		}, "lost Koji has no task 9999"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := tracked(t)
			f.change(7)
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
			held := f.query(`SELECT faults || ' ' || (hold_until > $1) FROM package WHERE name = 'foo'`, f.Now())[0]
			if held != "1 true" {
				t.Errorf("faults and held: %s, want 1 true", held)
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
	var holds []string
	for range 8 {
		id, _ := f.submit("foo")
		f.pass(24 * time.Hour)
		f.follow()
		if got := f.end(id); !strings.HasPrefix(got, "infrastructure ") {
			t.Errorf("the build is %q", got)
		}
		holds = append(holds, f.query(`SELECT (hold_until - $1)::text FROM package WHERE name = 'foo'`, f.Now())...)
	}
	want := []string{"00:30:00", "01:00:00", "02:00:00", "04:00:00", "08:00:00", "16:00:00", "1 day", "1 day"}
	if diff := cmp.Diff(want, holds); diff != "" {
		t.Errorf("held for (-want +got):\n%s", diff)
	}
	f.world.SetRules(kojisim.Rules{})
	f.submit("foo")
	f.pass(24 * time.Hour)
	f.follow()
	got := f.query(`SELECT concat_ws(' ', faults, coalesce(hold_until::text, 'not held'), state) FROM package WHERE name = 'foo'`)[0]
	if got != "0 not held ok" {
		t.Errorf("after a good build: %s, want 0 not held ok", got)
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
		go func() { done <- f.followBuilds(context.WithoutCancel(t.Context()), early) }()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := f.end(id); !strings.HasPrefix(got, "failed ") {
		t.Errorf("the build is %q", got)
	}
	if diff := cmp.Diff([]string{"foo ok failing"}, f.messages()); diff != "" {
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
