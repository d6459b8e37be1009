package resolution

import (
	"sync"

	"github.com/koschei-ci/koschei/internal/depset"
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
	known      map[string][]Problem  // by the BuildRequires that are broken
}

// NewExplainer returns an Explainer that knows nothing yet. It words problems as
// [depsolve.Cause] does or, with allReasons, as [depsolve.Problem] does: all that is
// known, in the words of libdnf.
func NewExplainer(allReasons bool) *Explainer {
	return &Explainer{allReasons: allReasons, broken: map[rpm.Relation]bool{}, known: map[string][]Problem{}}
}

// A Problem is one cause for which a goal has no solution.
type Problem struct {
	Text  string         // a paragraph
	Unmet []depset.Unmet // what nothing provides; not with all reasons, nor if something else is wrong
}

// Problems says why a goal has no solution, a paragraph for each cause. There is
// one at least.
func (e *Explainer) Problems(solver *depsolve.Solver, goal depsolve.Goal) []string {
	problems := e.Explain(solver, goal)
	texts := make([]string, len(problems))
	for i := range problems {
		texts[i] = problems[i].Text
	}
	return texts
}

// Explain is Problems with all that is known of each.
func (e *Explainer) Explain(solver *depsolve.Solver, goal depsolve.Goal) []Problem {
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
func (e *Explainer) explain(solver *depsolve.Solver, goal depsolve.Goal) []Problem {
	var all []Problem
	problems := solver.Explain(goal)
	switch {
	case len(problems) == 0:
		cause := depsolve.Cause{Facts: []string{"it cannot be installed"}}
		all = append(all, Problem{Text: cause.String()})
	case e.allReasons:
		for _, p := range problems {
			all = append(all, Problem{Text: p.String()})
		}
	default:
		u := solver.Universe()
		for _, c := range u.Causes(problems) {
			all = append(all, Problem{Text: c.String(), Unmet: unmetBy(u, &c)})
		}
	}
	return all
}

// unmetBy is what nothing provides according to a cause.
func unmetBy(u *depsolve.Universe, c *depsolve.Cause) []depset.Unmet {
	var unmet []depset.Unmet
	for _, l := range c.Lacks {
		n := depset.Unmet{Dependency: l.Dep}
		if l.By != depsolve.None {
			n.By = u.NEVRA(l.By)
		}
		for _, a := range c.Asked {
			if a.Kind == depsolve.ByBuildRequires && (n.Asked == "" || l.By == depsolve.None && a.Dep == l.Dep) {
				n.Asked = a.Dep
			}
		}
		unmet = append(unmet, n.Shortened())
	}
	return unmet
}
