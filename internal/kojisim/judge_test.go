package kojisim

import (
	"log/slog"
	"testing"
	"time"
)

// TestForesee sends the packagers home, waits for the last repo, and builds
// everything in it: all ends as foreseen but for chance.
func TestForesee(t *testing.T) {
	t.Parallel()
	world := smallWorld(t, GeneratorOptions{Packages: 120, Seed: 5, Updates: 40})
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
	tag := w.tagByName(BuildTagName)
	for name := range want {
		src := tag.latestBuild(w.packageByName(name), w.lastEvent())
		got := w.decide(0, src, w.repoByID(repo)).Verdict
		if got.Cause != want[name].Cause && got.Cause != CauseFlake {
			t.Errorf("%s: %s, foreseen %s", name, got.Cause, want[name].Cause)
		}
	}
	world.Unlock()
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

// TestMessagesSent counts what a reader gets and what the world says of it.
func TestMessagesSent(t *testing.T) {
	t.Parallel()
	w := smallWorld(t, GeneratorOptions{Packages: 100, Seed: 9, Updates: 60})
	hub := NewHub(w, NewStepClock(w.Now()), slog.New(slog.DiscardHandler))
	got := 0
	hub.Subscribe(func(Message) { got++ })
	hub.SetMessageFaults(MessageFaults{Lose: 0.2, Repeat: 0.2, Reorder: 0.2})
	for range 24 {
		w.Advance(w.Now().Add(time.Hour))
		hub.mail.deliver()
	}
	fates := hub.MessagesSent()
	for _, fate := range []string{"sent", "lost", "repeated", "late"} {
		if fates[fate] == 0 {
			t.Errorf("no message was %s: %v", fate, fates)
		}
	}
	// The last one may still wait for the one that overtakes it.
	if want := fates["sent"] + fates["repeated"]; got != want && got != want-1 {
		t.Errorf("the reader got %d messages, the world says %v", got, fates)
	}
}
