package kojisim

import (
	"testing"
	"time"
)

// TestForesee sends the packagers home, waits for the last repo, and builds
// everything in it: all ends as foreseen but for chance.
func TestForesee(t *testing.T) {
	t.Parallel()
	world := youngWorld(t, GeneratorOptions{Packages: 120, Seed: 5, Updates: 40})
	world.Advance(world.Now().Add(5 * 24 * time.Hour))
	world.SendHome()
	world.SetRules(Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3})
	repo, settled := 0, false
	for range 100 {
		world.Advance(world.Now().Add(time.Hour))
		if repo, settled = world.Settled(BuildTagName, KoscheiUser); settled {
			break
		}
	}
	if !settled {
		t.Fatal("the world does not come to rest")
	}
	want := world.Foresee(repo)
	w := world.Lock()
	tasks := map[string]int{}
	for name := range want {
		src := w.tagByName(BuildTagName).latestBuild(w.packageByName(name), w.lastEvent())
		opts := Options{{"scratch", true}, {"repo_id", repo}}
		tasks[name] = w.submitBuild(w.userByName(KoscheiUser), "packages/"+src.sourceFile(), TargetName, opts, nil, 0).id
	}
	world.Unlock()
	world.Advance(world.Now().Add(10 * 24 * time.Hour))
	for name, id := range tasks {
		got, ended := world.Verdict(id)
		if !ended || got.Cause != want[name].Cause && got.Cause != CauseFlake {
			t.Errorf("%s: %q (ended: %t), foreseen %q", name, got.Cause, ended, want[name].Cause)
		}
	}
	causes := map[Cause]int{}
	for _, v := range want {
		causes[v.Cause]++
	}
	if causes[CauseNone] == 0 || causes[CauseSource]+causes[CauseDependency] == 0 {
		t.Errorf("causes %v: the test tests little", causes)
	}
	world.Advance(world.Now().Add(10 * 24 * time.Hour))
	if later, settled := world.Settled(BuildTagName, KoscheiUser); later != repo || !settled {
		t.Errorf("the newest repo is %d (settled: %t) after ten days of rest, it was %d", later, settled, repo)
	}
}
