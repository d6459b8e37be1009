package depsolve_test

import (
	"slices"
	"testing"

	"github.com/koschei-ci/koschei/internal/depsolve"
)

// TestChangeRebuilt: if versions move and nothing else, nothing is solved
// again.
func TestChangeRebuilt(t *testing.T) {
	solved, moved := followChange(t, load(t, bookworm), load(t, rebuilt))
	if solved != 0 || moved == 0 {
		t.Errorf("%d goals were solved again, want 0; the packages of %d have moved", solved, moved)
	}
}

// TestChangeUpdates: after all updates of a release the answers are those of
// solving everything again.
func TestChangeUpdates(t *testing.T) {
	solved, moved := followChange(t, load(t, bookworm), load(t, updates))
	t.Logf("%d goals were solved again, the packages of %d have moved", solved, moved)
}

// followChange compares all answers after a change with those of a full run.
// It returns how many goals had to be solved again, and how many name other
// packages.
func followChange(t *testing.T, from, to *dataset) (solved, moved int) {
	t.Helper()
	start := cpuTime(t)
	change := depsolve.Compare(from.universe, to.universe)
	t.Logf("comparing took %v of CPU time", cpuTime(t)-start)
	old := from.universe.NewSolver(depsolve.SolverOptions{})
	now := to.universe.NewSolver(depsolve.SolverOptions{})
	fresh := to.universe.NewSolver(depsolve.SolverOptions{})
	for i := 0; i < len(from.sources); i += stride {
		g := from.goal(i)
		before, record := old.SolveRecorded(g)
		after, again := change.Follow(now, g, before, record)
		if again {
			solved++
		}
		if change.Effect(before, after) == depsolve.Moved {
			moved++
		}
		want := fresh.Solve(g)
		if after.OK != want.OK || !slices.Equal(after.Packages, want.Packages) {
			t.Fatalf("%s: another answer than that of a full run", from.sources[i].name)
		}
	}
	return solved, moved
}

// BenchmarkChangeRebuilt measures the day after: finding out that nothing has
// to be solved again.
func BenchmarkChangeRebuilt(b *testing.B) {
	from, to := load(b, bookworm), load(b, rebuilt)
	records := make([]*depsolve.Record, len(from.sources))
	solver := from.universe.NewSolver(depsolve.SolverOptions{})
	for i := range records {
		_, records[i] = solver.SolveRecorded(from.goal(i))
	}
	start := cpuTime(b)
	for b.Loop() {
		change := depsolve.Compare(from.universe, to.universe)
		now := to.universe.NewSolver(depsolve.SolverOptions{})
		for i := range records {
			if !change.Keeps(now, from.goal(i), records[i]) {
				b.Fatal(from.sources[i].name)
			}
		}
	}
	b.ReportMetric((cpuTime(b)-start).Seconds()/float64(b.N), "cpu-s/op")
}
