package depsolve_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestOverlayIsAUniverse checks that an overlay gives the answers of a universe
// made of the same packages.
func TestOverlayIsAUniverse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawAnyWorld(t)
		edited := w.clone()
		replaced := make(map[string]bool)
		overlay := w.universe().NewOverlay("overlay")
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			p := drawPackage(t, w.archs()...)
			if replaced[p.Name] {
				continue
			}
			replaced[p.Name] = true
			edited.remove(p.Name)
			edited.add(p)
			if err := overlay.Replace(p); err != nil {
				t.Fatal(err)
			}
		}
		compareUniverses(t, w, overlay.Universe(), edited.universe())
	})
}

// remove removes all packages of a name.
func (w *world) remove(name string) {
	w.packages = slices.DeleteFunc(w.packages, func(p *rpm.Package) bool { return p.Name == name })
}

func compareUniverses(t *rapid.T, w *world, got, want *depsolve.Universe) {
	all := func(u *depsolve.Universe) []string {
		ids := make([]depsolve.ID, u.Len())
		for i := range ids {
			ids[i] = depsolve.ID(i + 1)
		}
		return names(u, ids)
	}
	if !slices.Equal(all(got), all(want)) {
		t.Fatalf("packages %v, want %v", all(got), all(want))
	}
	a, b := got.NewSolver(depsolve.SolverOptions{}), want.NewSolver(depsolve.SolverOptions{})
	for i := range w.goals {
		x, y := a.Solve(w.goal(i)), b.Solve(w.goal(i))
		if x.OK != y.OK || !slices.Equal(x.Packages, y.Packages) {
			t.Fatalf("goal %v: %v, want %v", w.goals[i], x, y)
		}
		if !slices.Equal(a.Distances(x.Packages), b.Distances(y.Packages)) {
			t.Fatalf("goal %v: other distances", w.goals[i])
		}
	}
}

// TestNextIsAUniverse checks that a universe made of kept and new packages
// gives the answers of one made of the same packages afresh.
func TestNextIsAUniverse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		u := w.universe()
		for range rapid.IntRange(1, 3).Draw(t, "generations") {
			edited := w.clone()
			for range rapid.IntRange(0, 3).Draw(t, "edits") {
				edited.edit(t)
			}
			b := u.Next()
			for _, p := range edited.packages {
				if old := slices.Index(w.packages, p); old >= 0 {
					b.Keep(depsolve.ID(old + 1))
				} else if _, err := b.Add(0, p); err != nil {
					t.Fatal(err)
				}
			}
			w, u = edited, b.Universe()
			compareUniverses(t, w, u, w.universe())
		}
	})
}

// TestWhatIf removes and replaces packages of bookworm and compares the effects
// with those found by solving everything again.
func TestWhatIf(t *testing.T) {
	d := load(t, bookworm)
	overlay := d.universe.NewOverlay("what-if")
	overlay.Remove(d.universe.Named("ant")[0])
	p := newPackage("maven", "noarch")
	p.Requires = []rpm.Relation{{Name: "nobody-has-this"}}
	if err := overlay.Replace(p); err != nil {
		t.Fatal(err)
	}
	u := overlay.Universe()
	change := depsolve.Compare(d.universe, u)
	before, after := d.universe.NewSolver(depsolve.SolverOptions{}), u.NewSolver(depsolve.SolverOptions{})
	effects := make(map[depsolve.Effect]int)
	solved := 0
	for i := 0; i < len(d.sources); i += stride {
		g := d.goal(i)
		old, record := before.SolveRecorded(g)
		got, again := change.Follow(after, g, old, record)
		if again {
			solved++
		}
		effect := change.Effect(old, got)
		effects[effect]++
		if want := after.Solve(g); want.OK != got.OK || !slices.Equal(want.Packages, got.Packages) {
			t.Fatalf("%s: other packages than those of a full run", d.sources[i].name)
		}
		if i%50 != 0 {
			continue
		}
		if unchanged := old.OK == got.OK &&
			slices.Equal(longNames(d.universe, old.Packages), longNames(u, got.Packages)); unchanged != (effect == depsolve.Unchanged) {
			t.Fatalf("%s: %v", d.sources[i].name, effect)
		}
	}
	t.Logf("%d solved again: %v", solved, effects)
	if solved == 0 || solved > len(d.sources)/stride/4 || effects[depsolve.Broken] == 0 {
		t.Errorf("%d solved again: %v", solved, effects)
	}
}
