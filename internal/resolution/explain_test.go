package resolution_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestExplainer asks for many goals in repositories made at random: each must be
// told what the solver says of it alone, in both wordings, whatever was asked before. In these
// repositories nothing conflicts: where a BuildRequires is broken by a conflict
// with something that others need too, the proof may take another way.
func TestExplainer(t *testing.T) {
	t.Parallel()
	failed := 0
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"aa", "bb", "cc", "dd", "ee", "ff", "gg"}
		solver := drawUniverse(t, names[:6]).NewSolver(depsolve.SolverOptions{})
		inShort, inFull := resolution.NewExplainer(false), resolution.NewExplainer(true)
		group := rapid.SampledFrom([][]string{{"aa"}, {"aa", "bb"}, nil}).Draw(t, "group")
		for range 6 {
			goal := depsolve.Goal{Group: group, Requires: drawRelations(t, names, 5)}
			if solver.Solve(goal).OK {
				continue
			}
			failed++
			var causes, all []string
			problems := solver.Explain(goal)
			for _, c := range solver.Universe().Causes(problems) {
				causes = append(causes, c.String())
			}
			for _, p := range problems {
				all = append(all, p.String())
			}
			if diff := cmp.Diff(causes, inShort.Problems(solver, goal)); diff != "" {
				t.Fatalf("%v (-want +got):\n%s", goal, diff)
			}
			if diff := cmp.Diff(all, inFull.Problems(solver, goal)); diff != "" {
				t.Fatalf("all reasons of %v (-want +got):\n%s", goal, diff)
			}
		}
	})
	if failed == 0 {
		t.Error("every goal had a solution")
	}
}

// drawUniverse draws most of the packages.
func drawUniverse(t *rapid.T, names []string) *depsolve.Universe {
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 0)
	for _, name := range names {
		version := rapid.IntRange(0, 3).Draw(t, "version of "+name)
		if version == 0 {
			continue
		}
		evr := rpm.EVR{Version: strconv.Itoa(version), Release: "1"}
		p := &rpm.Package{
			NEVRA:    rpm.NEVRA{Name: name, EVR: evr, Arch: "x86_64"},
			Provides: []rpm.Relation{{Name: name, Op: rpm.Equal, EVR: evr}},
			Requires: drawRelations(t, append(names, "gone"), 2),
		}
		if _, err := b.Add(repo, p); err != nil {
			t.Fatal(err)
		}
	}
	return b.Universe()
}

func drawRelations(t *rapid.T, names []string, most int) []rpm.Relation {
	relations := make([]rpm.Relation, rapid.IntRange(0, most).Draw(t, "how many"))
	for i := range relations {
		relations[i].Name = rapid.SampledFrom(names).Draw(t, "name")
		if rapid.Bool().Draw(t, "with a version") {
			relations[i].Op, relations[i].EVR.Version = rpm.Greater|rpm.Equal, rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "version")
		}
	}
	return relations
}
