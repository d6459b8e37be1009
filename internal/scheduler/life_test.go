package scheduler

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// startOver makes the record learn all it knows from the hub.
func (f *fixture) startOver(t *testing.T) {
	t.Helper()
	f.exec(t, `TRUNCATE base_package CASCADE`)
	f.poll(t)
	f.exec(t, `UPDATE package SET tracked = true, resolution = 'resolved'`)
	f.exec(t, `UPDATE package SET noted_state = state`)
	f.clock.Step(8 * 24 * time.Hour) // until time alone makes every package due
}

// poll does what polling does.
func (f *fixture) poll(t *testing.T) {
	t.Helper()
	c, err := f.DB.Collection(t.Context(), "f40")
	if err != nil {
		t.Fatal(err)
	}
	sync := f.sync(f.DB)
	if err := sync.RunningBuilds(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []func(context.Context, *koschei.Collection) error{sync.PackageList, sync.TaggedBuilds, sync.SourceFacts} {
		if err := step(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

// states describes packages: state, whether last is last complete, priorities.
func (f *fixture) states(t *testing.T) []string {
	t.Helper()
	return f.query(t, `
		SELECT concat_ws(' ', p.name, p.state, b.origin, CASE WHEN p.running THEN 'running' END,
			CASE WHEN p.build_priority <> 0 THEN 'build priority ' || p.build_priority END)
		FROM package p JOIN build b ON b.id = p.last_build_id ORDER BY p.name`)
}

// TestLife takes packages from their real builds through scratch builds, one
// of which fails, to another real build.
func TestLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.startOver(t)
	check := func(step string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, f.states(t)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	check("real builds", "bash ok real", "docs ok real", "foo ok real", "mainframe ok real")
	f.world.Break(kojisim.Breakage{Package: "foo", From: rpm.EVR{Epoch: 3, Version: "1", Release: "1"}, Message: "error: no"})
	f.pass(t)
	check("submitted", "bash ok scratch running", "docs ok scratch running", "foo ok scratch running", "mainframe ok real")
	f.pass(t)
	if got := len(f.tasks(t)); got != 3 {
		t.Errorf("the hub has %d tasks, want 3", got)
	}
	f.clock.Step(4 * time.Hour)
	f.poll(t)
	check("ended", "bash ok scratch", "docs ok scratch", "foo failing scratch build priority 200", "mainframe ok real")
	repos := f.query(t, `SELECT DISTINCT b.repo_id || ' ' || (b.repo_id = c.latest_repo_id) FROM build b, collection c WHERE b.origin = 'scratch'`)
	if len(repos) != 1 || !strings.HasSuffix(repos[0], " true") {
		t.Errorf("built in repos %v, want the collection's latest", repos)
	}
	messages := f.query(t, `SELECT concat_ws(' ', body->>'name', body->>'old', body->>'new') FROM outbox ORDER BY id`)
	if diff := cmp.Diff([]string{"foo ok failing"}, messages); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	f.pass(t)
	check("nothing is due yet", "bash ok scratch", "docs ok scratch", "foo failing scratch build priority 200", "mainframe ok real")
	f.clock.Step(9 * time.Hour)
	f.pass(t)
	check("the failure is due again", "bash ok scratch", "docs ok scratch", "foo failing scratch running build priority 200", "mainframe ok real")
	f.clock.Step(4 * time.Hour)
	f.poll(t)
	check("it failed again", "bash ok scratch", "docs ok scratch", "foo failing scratch", "mainframe ok real")
}

// TestNewSource has a package updated just before it is due, unknown to us.
func TestNewSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.startOver(t)
	f.exec(t, `DELETE FROM build WHERE package_id = (SELECT id FROM package WHERE name = 'foo')`)
	f.exec(t, `
		INSERT INTO build (package_id, origin, outcome, event, koji_build_id, version, release, started, finished)
		SELECT id, 'real', 'complete', 1, 98, '0', '1', $1, $1 FROM package WHERE name = 'foo'`, f.Now().AddDate(-1, 0, 0))
	f.exec(t, `
		UPDATE package p
		SET last_build_id = b.id, last_build_started = b.started, last_complete_build_id = b.id, last_complete_outcome = b.outcome
		FROM build b WHERE b.package_id = p.id AND p.name = 'foo'`)
	builds := func() []string {
		return f.query(t, `
			SELECT concat_ws(' ', b.origin, b.outcome, b.version, CASE WHEN b.id = p.last_build_id THEN 'last' END)
			FROM build b JOIN package p ON p.id = b.package_id WHERE p.name = 'foo' ORDER BY b.event, b.id`)
	}
	f.pass(t)
	if diff := cmp.Diff([]string{"real complete 0", "real complete 1 last"}, builds()); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	f.pass(t)
	if diff := cmp.Diff([]string{"real complete 0", "real complete 1", "scratch running 1 last"}, builds()); diff != "" {
		t.Errorf("builds after another pass (-want +got):\n%s", diff)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pass(t)
	f.exec(t, `UPDATE build b SET cancel_requested = true FROM package p WHERE p.id = b.package_id AND p.name = 'foo' AND origin = 'scratch'`)
	f.exec(t, `UPDATE build b SET started = b.started - interval '3 days' FROM package p WHERE p.id = b.package_id AND p.name = 'docs' AND origin = 'scratch'`)
	f.pass(t)
	want := []string{"docs timeout 0:1-1 noarch", "foo canceled 3:1-1 x86_64 aarch64"}
	if diff := cmp.Diff(want, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	f.pass(t)
	if diff := cmp.Diff(want, f.builds(t)); diff != "" {
		t.Errorf("builds right after that (-want +got):\n%s", diff)
	}
}

// TestPinning lets the hub's policy forbid to choose the repo. The scheduler
// finds out and tries again after a while.
func TestPinning(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.startOver(t)
	f.world.SetPolicy(kojisim.Policy{})
	f.exec(t, `UPDATE package SET tracked = false WHERE name <> 'foo'`)
	again := func() string {
		t.Helper()
		f.clock.Step(4 * time.Hour)
		f.poll(t)
		f.clock.Step(2 * time.Minute) // of the first refusal
		f.exec(t, `UPDATE package SET manual_priority = 1000 WHERE name = 'foo'`)
		f.pass(t)
		return f.query(t, `SELECT coalesce(repo_id::text, 'none') FROM build WHERE outcome = 'running'`)[0]
	}
	f.pass(t)
	for i, want := range []string{"none", "none"} {
		if got := again(); got != want {
			t.Errorf("build %d: repo %s, want %s", i+2, got, want)
		}
	}
	builds := f.builds(t)
	if len(builds) != 3 || !strings.HasPrefix(builds[0], "foo infrastructure ") || !strings.HasPrefix(builds[1], "foo complete ") {
		t.Errorf("builds %v", builds)
	}
	f.world.SetPolicy(kojisim.Policy{BuildFromRepoID: true})
	f.clock.Step(pinningPause)
	if got := again(); got == "none" {
		t.Error("the repo is not chosen again after a while")
	}
}
