package distro

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// youngWorld is a world of the generator without weeks of history.
func youngWorld(t *testing.T, o Options) *kojisim.World {
	t.Helper()
	if o.Packages == 0 {
		o.Packages = 150
	}
	if o.History == 0 {
		o.History = 3 * 24 * time.Hour
	}
	if o.Rules == nil {
		o.Rules = &kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3}
	}
	w, err := Generate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// unresolvable counts the packages of a tag that cannot be built from a repo.
func unresolvable(w *kojisim.System, t *kojisim.Tag) (bad, all int) {
	event := w.LastEvent()
	for _, p := range w.Packages {
		if b := t.LatestBuild(p, event); b != nil {
			all++
			if _, unmet := w.Look(t, event).Unmet(b.Requires); unmet {
				bad++
			}
		}
	}
	return bad, all
}

func TestGenerateShowsAllStates(t *testing.T) {
	t.Parallel()
	world, err := Generate(t.Context(), Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := world.Lock()
	world.Unlock()
	build := w.TagByName(BuildTagName)
	if bad, all := unresolvable(w, build); all < 280 || all > 320 || bad > 45 {
		t.Errorf("at the start: %d of %d packages are unresolvable, want few of nearly 300", bad, all)
	}
	start := w.Now
	sawBad, sawBroken, builds := 0, 0, len(w.Builds)
	for h := 0; h < 48; h += 3 {
		world.Advance(start.Add(time.Duration(h) * time.Hour))
		bad, _ := unresolvable(w, build)
		sawBad = max(sawBad, bad)
		broken := 0
		for _, v := range world.Foresee(w.NewestRepo(build).ID) {
			if v.Cause == kojisim.CauseSource || v.Cause == kojisim.CauseDependency {
				broken++
			}
		}
		sawBroken = max(sawBroken, broken)
	}
	t.Logf("unresolvable up to %d, broken up to %d, %d builds, %d repos, %d tasks", sawBad, sawBroken, len(w.Builds)-builds, len(w.Repos), len(w.Tasks))
	if sawBad == 0 || sawBroken == 0 {
		t.Errorf("in two days: up to %d unresolvable and %d broken packages, want some", sawBad, sawBroken)
	}
	if got := len(w.Builds) - builds; got < 15 {
		t.Errorf("got %d new builds in two days, want more", got)
	}
}

func TestGenerateIsRepeatable(t *testing.T) {
	t.Parallel()
	one, two := youngWorld(t, Options{Seed: 7}), youngWorld(t, Options{Seed: 7})
	two.Advance(two.Now()) // looking changes nothing
	for range 5 {
		two.Advance(two.Now().Add(time.Hour))
	}
	one.Advance(two.Now())
	a, b := one.Lock(), two.Lock()
	defer one.Unlock()
	defer two.Unlock()
	if len(a.Tasks) != len(b.Tasks) || a.LastEvent() != b.LastEvent() || len(a.Repos) != len(b.Repos) {
		t.Fatalf("got %d tasks, %d events, %d repos and %d, %d, %d", len(a.Tasks), a.LastEvent(), len(a.Repos), len(b.Tasks), b.LastEvent(), len(b.Repos))
	}
	for i := range a.Builds {
		if x, y := a.Builds[i].NVR(), b.Builds[i].NVR(); x != y {
			t.Errorf("build %d is %s and %s", i+1, x, y)
		}
	}
}

func TestRepoCanBeRead(t *testing.T) {
	t.Parallel()
	w := youngWorld(t, Options{})
	server := httptest.NewServer(kojihub.New(w, kojisim.NewStepClock(w.Now()), slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	location := server.URL + "/kojifiles/repos/" + BuildTagName + "/latest/x86_64"
	repo, err := repodata.Open(t.Context(), location, repodata.NewClient())
	if err != nil {
		t.Fatal(err)
	}
	group, err := repo.Group(t.Context(), "build")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	err = repo.Packages(t.Context(), func(p *rpm.Package) error {
		names[string([]byte(p.Name))] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range group {
		if !names[n] {
			t.Errorf("group build names %s, which the repo does not have", n)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		if _, err := Generate(b.Context(), Options{Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

// Who does not want the world any more gets away soon, however large it would be.
func TestGenerateEndsEarly(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := Generate(ctx, Options{Packages: 4000, Seed: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it ended after %v", took)
	}
}
