package scheduler

import (
	"strconv"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
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
	world, err := distro.Generate(t.Context(), distro.Options{
		Packages: 60, Seed: 7, History: 24 * time.Hour, Hosts: 20, Updates: 6,
		Rules: &kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3, FreedTasks: 0.1, Infrastructure: 0.1},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := fixtureOf(t, world, distro.KoscheiUser, distro.KoscheiUser)
	f.LoadThreshold = 1
	f.Collection("f40", pgtest.Target(distro.TargetName), pgtest.DestTag(distro.DestTagName), pgtest.BuildTag(distro.BuildTagName))
	faults := []kojihub.Faults{{}, {CutAfter: 0.2}, {}, {Busy: 0.1, Truncate: 0.1}, {Expire: 0.2}, {Offline: "outage"}}
	f.poll(t)
	for _, p := range f.Packages() {
		f.world.Flaky(p.Name, 0.1)
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
	f.SetCollection("f40", pgtest.LatestRepo(repo.ID, repo.Event))
	f.SetPackages(pgtest.Tracked(true), pgtest.Resolution(koschei.Resolved))
	for _, p := range f.Packages() {
		if p.ID%7 == repo.ID%7 {
			f.SetPackage(p.Name, pgtest.ManualPriority(1000))
		}
	}
}

// judge compares the record with the truth.
func (f *fixture) judge(t *testing.T) {
	t.Helper()
	ends := map[koschei.Outcome]int{}
	outcomes, builds := map[int64][]koschei.Outcome{}, map[string]pgtest.Build{}
	for _, b := range f.ScratchBuilds() {
		outcomes[b.TaskID], builds[strconv.FormatInt(b.ID, 10)] = append(outcomes[b.TaskID], b.Outcome), b
		if !b.Outcome.Ended() {
			t.Errorf("build %d has not ended", b.ID)
		}
	}
	for task, v := range f.world.Verdicts() {
		ours := outcomes[int64(task)]
		if len(ours) == 0 {
			continue // a packager's
		}
		want := outcomeOf(v.Cause)
		if len(ours) != 1 || ours[0] != want {
			t.Errorf("task %d of %s ended by %s (%s): the record says %v, want %s", task, v.NVR, v.Cause, v.Detail, ours, want)
		}
		ends[want]++
	}
	tasks := f.tasks(t)
	for key, of := range tasks {
		b, known := builds[key]
		if len(of) != 1 || !known || b.TaskID == 0 && b.Outcome == koschei.OutcomeLost {
			t.Errorf("build %s is %+v here (%t) and has %d tasks at the hub", key, b, known, len(of))
		}
	}
	t.Logf("%d tasks, ends %v", len(tasks), ends)
	if len(tasks) < 100 || ends[koschei.OutcomeFailed] == 0 || ends[koschei.OutcomeInfrastructure] == 0 {
		t.Errorf("%d tasks, ends %v: the test tests little", len(tasks), ends)
	}
}
