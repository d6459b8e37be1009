package kojisim

import (
	"testing"
	"time"
)

// TestForesee sends the packagers home, waits for the last repo, and builds
// everything in it: all ends as foreseen but for chance.
func TestForesee(t *testing.T) {
	t.Parallel()
	w := smallWorld(t, GeneratorOptions{Packages: 120, Seed: 5, Updates: 40})
	w.Advance(w.Now().Add(5 * 24 * time.Hour))
	w.SendHome()
	w.SetRules(Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3})
	repo, settled := 0, false
	for range 100 {
		w.Advance(w.Now().Add(time.Hour))
		if repo, settled = w.Settled(BuildTagName, KoscheiUser); settled {
			break
		}
	}
	if !settled {
		t.Fatal("the world does not come to rest")
	}
	want := w.Foresee(repo)
	w.mu.Lock()
	tag := w.tagByName(BuildTagName)
	for name := range want {
		src := tag.latestBuild(w.packageByName(name), w.lastEvent())
		got := w.decide(0, src, w.repoByID(repo)).Verdict
		if got.Cause != want[name].Cause && got.Cause != CauseFlake {
			t.Errorf("%s: %s, foreseen %s", name, got.Cause, want[name].Cause)
		}
	}
	w.mu.Unlock()
	causes := map[Cause]int{}
	for _, v := range want {
		causes[v.Cause]++
	}
	if causes[CauseNone] == 0 || causes[CauseSource]+causes[CauseDependency] == 0 {
		t.Errorf("causes %v: the test tests little", causes)
	}
	w.Advance(w.Now().Add(10 * 24 * time.Hour))
	if later, settled := w.Settled(BuildTagName, KoscheiUser); later != repo || !settled {
		t.Errorf("the newest repo is %d (settled: %t) after ten days of rest, it was %d", later, settled, repo)
	}
}
