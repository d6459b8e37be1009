package resolution

import (
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/depsolve"
)

// Chains says how packages are in the buildroot of a goal: for each of the numbers
// that is there, the numbers of the packages that lead to it, from what the
// BuildRequires or the group ask for on. A chain is empty if the package itself is
// asked for, and of no more than depset.MaxVia packages: those farther from the
// package are left out.
func (v *Resolver) Chains(goal Goal, numbers []int32) map[int32][]int32 {
	g, problems := v.goal(question{requires: goal.Requires, conflicts: goal.Conflicts})
	if len(problems) > 0 || len(numbers) == 0 {
		return nil
	}
	solver := v.workers[0].solver
	result := solver.Solve(g)
	if !result.OK {
		return nil
	}
	ids := make(map[int32]depsolve.ID, len(result.Packages))
	for _, id := range result.Packages {
		ids[v.repo.interned[id]] = id
	}
	why := solver.Whys(g, result.Packages)
	chains := make(map[int32][]int32, len(numbers))
	for _, number := range numbers {
		links := why(ids[number])
		if len(links) == 0 {
			continue
		}
		chain := []int32{}
		for _, l := range links[1:] { // the first has no package
			chain = append(chain, v.repo.interned[l.Package])
		}
		chains[number] = chain[max(0, len(chain)-depset.MaxVia):]
	}
	return chains
}
