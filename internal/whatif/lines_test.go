package whatif

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestLines has the lines of goals that have much in common written one after
// the other, and compares them with lines that are put together package by
// package.
func TestLines(t *testing.T) {
	t.Parallel()
	const packages = 200
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 0)
	for i := range packages {
		p := &rpm.Package{NEVRA: rpm.NEVRA{Name: nameOf(i), EVR: rpm.EVR{Version: "1", Release: "1"}, Arch: "noarch"}}
		p.Provides = []rpm.Relation{{Name: p.Name}}
		if i%3 == 1 {
			p.Requires = []rpm.Relation{{Name: nameOf(i * 2 % packages)}}
		}
		if _, err := b.Add(repo, p); err != nil {
			t.Fatal(err)
		}
	}
	universe := b.Universe()
	for _, distances := range []bool{false, true} {
		names := newTokens(universe, distances)
		rapid.Check(t, func(t *rapid.T) {
			solver := universe.NewSolver(depsolve.SolverOptions{Unordered: !distances})
			writer := names.newLineWriter()
			var got, want []byte
			for range rapid.IntRange(1, 2).Draw(t, "batches") {
				got, want = got[:0], want[:0]
				writer.begin()
				for range rapid.IntRange(1, 8).Draw(t, "goals") {
					goal := depsolve.Goal{}
					for _, i := range rapid.SliceOfN(rapid.IntRange(0, packages), 0, 60).Draw(t, "requires") {
						goal.Requires = append(goal.Requires, rpm.Relation{Name: nameOf(i)}) // the last is not there
					}
					result := solver.Solve(goal)
					got = writer.append(got, solver, result)
					want = append(want, plainLine(solver, result, distances)...)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Fatalf("distances %v (-want +got):\n%s", distances, diff)
				}
			}
		})
	}
}

// nameOf is the name of a package, some of them longer than most are.
func nameOf(i int) string { return fmt.Sprintf("p%d%s", i, strings.Repeat("x", i%40)) }

func plainLine(s *depsolve.Solver, r depsolve.Result, distances bool) string {
	if !r.OK {
		return "\tFAIL\t\n"
	}
	var words []string
	for i, id := range r.Packages {
		if !distances {
			words = append(words, string(s.Universe().NEVRA(id).AppendLong(nil)))
			continue
		}
		distance := "-"
		if d := s.Distances(r.Packages)[i]; d > 0 {
			distance = fmt.Sprint(d)
		}
		words = append(words, s.Universe().Name(id)+"/"+distance)
	}
	slices.Sort(words)
	return "\tOK\t" + strings.Join(words, " ") + "\n"
}
