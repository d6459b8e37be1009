package distro

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

// TestForesee sends the packagers home, waits for the last repo, and builds
// everything in it: all ends as foreseen but for chance.
func TestForesee(t *testing.T) {
	t.Parallel()
	world := youngWorld(t, Options{Packages: 120, Seed: 5, Updates: 40})
	world.Advance(world.Now().Add(5 * 24 * time.Hour))
	world.SendHome()
	world.SetRules(kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3})
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
		src := w.TagByName(BuildTagName).LatestBuild(w.PackageByName(name), w.LastEvent())
		opts := kojisim.Options{{Name: "scratch", Value: true}, {Name: "repo_id", Value: repo}}
		tasks[name] = w.SubmitBuild(w.UserByName(KoscheiUser), "packages/"+src.SourceFile(), TargetName, opts, nil, 0).ID
	}
	world.Unlock()
	world.Advance(world.Now().Add(10 * 24 * time.Hour))
	for name, id := range tasks {
		got, ended := world.Verdict(id)
		if !ended || got.Cause != want[name].Cause && got.Cause != kojisim.CauseFlake {
			t.Errorf("%s: %q (ended: %t), foreseen %q", name, got.Cause, ended, want[name].Cause)
		}
	}
	causes := map[kojisim.Cause]int{}
	for _, v := range want {
		causes[v.Cause]++
	}
	if causes[kojisim.CauseNone] == 0 || causes[kojisim.CauseSource]+causes[kojisim.CauseDependency] == 0 {
		t.Errorf("causes %v: the test tests little", causes)
	}
	world.Advance(world.Now().Add(10 * 24 * time.Hour))
	if later, settled := world.Settled(BuildTagName, KoscheiUser); later != repo || !settled {
		t.Errorf("the newest repo is %d (settled: %t) after ten days of rest, it was %d", later, settled, repo)
	}
}
