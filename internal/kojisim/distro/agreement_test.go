package distro

import (
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestSolverAgrees compares what the world takes for installable with what the
// solver finds: a build must not fail for its buildroot where Koschei, which
// solves, expected it to start.
func TestSolverAgrees(t *testing.T) {
	t.Parallel()
	w := youngWorld(t, Options{Packages: 300, Seed: 3, Updates: 40})
	bad := 0
	for range 8 {
		w.Advance(w.Now().Add(5 * time.Hour))
		bad += compareWithSolver(t, w)
	}
	if bad == 0 {
		t.Error("there was nothing unresolvable to compare")
	}
}

// compareWithSolver returns how many packages cannot be built just now.
func compareWithSolver(t *testing.T, world *kojisim.World) int {
	t.Helper()
	w := world.Lock()
	defer world.Unlock()
	build := w.TagByName(BuildTagName)
	event := w.LastEvent()
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("build", 0)
	for _, p := range w.Packages {
		latest := build.LatestBuild(p, event)
		if latest == nil {
			continue
		}
		for _, q := range latest.Binaries {
			if _, err := b.Add(repo, q); err != nil {
				t.Fatal(err)
			}
		}
	}
	solver := b.Universe().NewSolver(depsolve.SolverOptions{})
	group := strings.Fields(buildGroup)
	bad := 0
	for _, p := range w.Packages {
		latest := build.LatestBuild(p, event)
		if latest == nil {
			continue
		}
		relation, unmet := w.Look(build, event).Unmet(latest.Requires)
		if unmet {
			bad++
		}
		if solver.Solve(depsolve.Goal{Group: group, Requires: latest.Requires}).OK == unmet {
			t.Errorf("%s: the solver disagrees that %t (%s) is unmet", latest.NVR(), unmet, relation)
		}
	}
	if !solver.Solve(depsolve.Goal{Group: group, Requires: []rpm.Relation{{Name: "gcc"}}}).OK {
		t.Error("the buildroot itself cannot be installed")
	}
	return bad
}
