package depsolve_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/depsolve"
)

func TestWhy(t *testing.T) {
	t.Parallel()
	u := readUniverse(t, strings.Split(`a-1-1.noarch
	requires b
	recommends e
b-1-1.noarch
	requires c >= 1
c-1-1.noarch
d-1-1.noarch
	requires c
e-1-1.noarch
f-1-1.noarch
	supplements e
unused-1-1.noarch`, "\n"))
	s := u.NewSolver(depsolve.SolverOptions{WeakDeps: true})
	goal := depsolve.Goal{Group: []string{"d"}}
	goal.Requires = append(goal.Requires, parseRelation(t, "a"))
	result := s.Solve(goal)
	for name, want := range map[string]string{
		"a":      "BuildRequires a",
		"b":      "BuildRequires a, a-1-1.noarch Requires b",
		"c":      "group d, d-1-1.noarch Requires c",
		"d":      "group d",
		"e":      "BuildRequires a, a-1-1.noarch Recommends e",
		"f":      "BuildRequires a, a-1-1.noarch Recommends e, e-1-1.noarch Supplements e",
		"unused": "",
	} {
		got := formatChain(u, s.Why(goal, result.Packages, u.Named(name)[0]))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("why %s (-want +got)\n%s", name, diff)
		}
	}
}

// TestWhyBookworm checks that every package of a buildroot has a reason to be
// there, and that chains hold together.
func TestWhyBookworm(t *testing.T) {
	d := load(t, bookworm)
	s := d.universe.NewSolver(depsolve.SolverOptions{})
	for i := 0; i < len(d.sources); i += 5000 + 100*stride {
		result := s.Solve(d.goal(i))
		for _, id := range result.Packages {
			chain := s.Why(d.goal(i), result.Packages, id)
			if len(chain) == 0 || chain[0].Package != depsolve.None || chain[len(chain)-1].To != id {
				t.Fatalf("%s: why %v: %s", d.sources[i].name, d.universe.NEVRA(id), formatChain(d.universe, chain))
			}
			for j, l := range chain[1:] {
				if l.Package != chain[j].To {
					t.Fatalf("%s: broken chain %s", d.sources[i].name, formatChain(d.universe, chain))
				}
			}
		}
	}
}
