package scheduler

import (
	"log/slog"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
)

// outcomeOf is what a build should end as, by what really happened to it.
func outcomeOf(cause kojisim.Cause) koschei.Outcome {
	switch cause {
	case kojisim.CauseNone:
		return koschei.OutcomeComplete
	case kojisim.CauseInfrastructure:
		return koschei.OutcomeInfrastructure
	default:
		return koschei.OutcomeFailed
	}
}

// TestTruth builds a small distribution for some days, on a hub that is away
// now and then, loses answers, ends sessions, frees tasks and has builders in
// trouble. In the end every task is that of one build, and every build ended as
// it should have.
func TestTruth(t *testing.T) {
	t.Parallel()
	world, err := distro.Generate(distro.Options{
		Packages: 60, Seed: 7, History: 24 * time.Hour, Hosts: 20, Updates: 6,
		Rules: &kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3, FreedTasks: 0.1, Infrastructure: 0.1},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := fixtureOf(t, world, distro.KoscheiUser)
	f.LoadThreshold = 1
	f.exec(t, `
		INSERT INTO collection (name, display_name, target, dest_tag, build_tag)
		VALUES ('f40', 'Demo', $1, $2, $3)`, distro.TargetName, distro.DestTagName, distro.BuildTagName)
	faults := []kojihub.Faults{{}, {CutAfter: 0.2}, {}, {Busy: 0.1, Truncate: 0.1}, {Expire: 0.2}, {Offline: "outage"}}
	f.poll(t)
	for _, name := range f.query(t, `SELECT name FROM package`) {
		f.world.Flaky(name, 0.1)
	}
	for hour := range 2 * 24 {
		f.clock.Step(time.Hour)
		f.hub.SetFaults(kojihub.Faults{})
		f.poll(t)
		f.latestRepo(t)
		f.hub.SetFaults(faults[hour%len(faults)])
		for range 3 {
			_ = f.Service.pass(t.Context()) // may fail
		}
	}
	f.hub.SetFaults(kojihub.Faults{})
	f.MaxBuilds = 0
	for range 6 {
		f.clock.Step(6 * time.Hour)
		f.pass(t)
		f.poll(t)
	}
	f.judge(t)
}

// latestRepo does for the collection what the repo-resolver would, and lets
// some packages be worth a build.
func (f *fixture) latestRepo(t *testing.T) {
	t.Helper()
	repo, err := f.Hub.Repo(t.Context(), distro.BuildTagName)
	if err != nil {
		t.Fatal(err)
	}
	f.exec(t, `UPDATE collection SET latest_repo_id = $1, latest_repo_event = $2, latest_repo_resolved = 'resolved'`, repo.ID, repo.Event)
	f.exec(t, `
		UPDATE package SET tracked = true, resolution = 'resolved',
			manual_priority = CASE WHEN id % 7 = $1 % 7 THEN 1000 ELSE manual_priority END`, repo.ID)
}

// judge compares the record with the truth.
func (f *fixture) judge(t *testing.T) {
	t.Helper()
	ends := map[koschei.Outcome]int{}
	for task, v := range f.world.Verdicts() {
		ours := f.query(t, `SELECT outcome FROM build WHERE origin = 'scratch' AND task_id = $1`, task)
		if len(ours) == 0 {
			continue // a packager's
		}
		want := outcomeOf(v.Cause)
		if len(ours) != 1 || ours[0] != string(want) {
			t.Errorf("task %d of %s ended by %s (%s): the record says %v, want %s", task, v.NVR, v.Cause, v.Detail, ours, want)
		}
		ends[want]++
	}
	tasks := f.tasks(t)
	for key, of := range tasks {
		known := f.query(t, `SELECT coalesce(task_id::text, outcome) FROM build WHERE id::text = $1`, key)
		if len(of) != 1 || len(known) != 1 || known[0] == "lost" {
			t.Errorf("build %s is %v here and has %d tasks at the hub", key, known, len(of))
		}
	}
	if open := f.query(t, `SELECT id::text FROM build WHERE outcome IN ('submitting', 'running')`); len(open) > 0 {
		t.Errorf("builds %v have not ended", open)
	}
	t.Logf("%d tasks, ends %v", len(tasks), ends)
	if len(tasks) < 100 || ends[koschei.OutcomeFailed] == 0 || ends[koschei.OutcomeInfrastructure] == 0 {
		t.Errorf("%d tasks, ends %v: the test tests little", len(tasks), ends)
	}
}

// fixtureOf is a fixture around a world of which the record knows nothing; its
// user's password is the name.
func fixtureOf(t *testing.T, world *kojisim.World, user string) *fixture {
	t.Helper()
	clock := kojisim.NewStepClock(world.Now())
	f := &fixture{world: world, clock: clock, hub: kojihub.New(world, clock, slog.New(slog.DiscardHandler))}
	f.connect(t, user, user)
	return f
}
