package resolution

import (
	"sync"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// An Explainer says why goals have no solution. To explain is a hundred times the
// work of solving, and a library that breaks takes thousands of packages with it,
// most of which ask for other things besides. So goals that have the same
// BuildRequires broken are explained once. Where one is broken by a conflict with
// what the others need too, the solver may word the same problem in another way.
//
// An Explainer is for one universe, one group and one way to solve. It is safe
// for concurrent use.
type Explainer struct {
	allReasons bool
	mu         sync.Mutex
	broken     map[rpm.Relation]bool // BuildRequires that have no solution by themselves
	known      map[string][]string   // problems, by the BuildRequires that are broken
}

// NewExplainer returns an Explainer that knows nothing yet. It words problems as
// [depsolve.Cause] does or, with allReasons, as [depsolve.Problem] does: all that is
// known, in the words of libdnf.
func NewExplainer(allReasons bool) *Explainer {
	return &Explainer{allReasons: allReasons, broken: map[rpm.Relation]bool{}, known: map[string][]string{}}
}

// Problems says why a goal has no solution, a paragraph for each cause. There is
// one at least.
func (e *Explainer) Problems(solver *depsolve.Solver, goal depsolve.Goal) []string {
	var broken []rpm.Relation
	others := depsolve.Goal{Group: goal.Group, Conflicts: goal.Conflicts}
	for _, r := range goal.Requires {
		if e.isBroken(solver, goal.Group, r) {
			broken = append(broken, r)
		} else {
			others.Requires = append(others.Requires, r)
		}
	}
	if len(broken) == 0 || !solver.Solve(others).OK {
		return e.explain(solver, goal) // not all of them can be met together
	}
	var key []byte
	for _, r := range broken {
		key = append(append(key, r.String()...), 0)
	}
	e.mu.Lock()
	problems, known := e.known[string(key)]
	e.mu.Unlock()
	if known {
		return problems
	}
	problems = e.explain(solver, depsolve.Goal{Group: goal.Group, Requires: broken})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.known[string(key)] = problems
	return problems
}

// isBroken says whether one BuildRequires cannot be met.
func (e *Explainer) isBroken(solver *depsolve.Solver, group []string, r rpm.Relation) bool {
	e.mu.Lock()
	broken, known := e.broken[r]
	e.mu.Unlock()
	if known {
		return broken
	}
	broken = !solver.Solve(depsolve.Goal{Group: group, Requires: []rpm.Relation{r}}).OK
	e.mu.Lock()
	defer e.mu.Unlock()
	e.broken[r] = broken
	return broken
}

// explain is why a goal has no solution. A goal without a solution has a problem
// in any case, or it would be taken for resolved.
func (e *Explainer) explain(solver *depsolve.Solver, goal depsolve.Goal) []string {
	var texts []string
	problems := solver.Explain(goal)
	switch {
	case len(problems) == 0:
		cause := depsolve.Cause{Facts: []string{"it cannot be installed"}}
		texts = append(texts, cause.String())
	case e.allReasons:
		for _, p := range problems {
			texts = append(texts, p.String())
		}
	default:
		for _, c := range solver.Universe().Causes(problems) {
			texts = append(texts, c.String())
		}
	}
	return texts
}
