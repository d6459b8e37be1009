package resolution

import (
	"slices"
	"sync"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// An explainer says why goals have no solution. To explain is a hundred times
// the work of solving, and a library that breaks takes thousands of packages
// with it. So BuildRequires are looked at one by one, and each only once.
type explainer struct {
	mu    sync.Mutex
	known map[rpm.Relation][]string // why not, by BuildRequires
}

// whole is why a goal has no solution: what is wrong with each of its
// BuildRequires or, if they can only not be met together, with all of them.
func (e *explainer) whole(solver *depsolve.Solver, goal depsolve.Goal) []string {
	var problems []string
	for _, r := range goal.Requires {
		for _, problem := range e.single(solver, goal.Group, r) {
			if !slices.Contains(problems, problem) {
				problems = append(problems, problem)
			}
		}
	}
	if len(problems) == 0 {
		problems = explain(solver, goal)
	}
	return problems
}

// single is why one BuildRequires cannot be met, nil if it can.
func (e *explainer) single(solver *depsolve.Solver, group []string, r rpm.Relation) []string {
	e.mu.Lock()
	problems, known := e.known[r]
	e.mu.Unlock()
	if known {
		return problems
	}
	goal := depsolve.Goal{Group: group, Requires: []rpm.Relation{r}}
	if !solver.Solve(goal).OK {
		problems = explain(solver, goal)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known == nil {
		e.known = map[rpm.Relation][]string{}
	}
	e.known[r] = problems
	return problems
}

// explain is why a goal has no solution, as libdnf words it: a problem with
// several reasons has a line for each. A goal without a solution has a problem
// in any case, or it would be taken for resolved.
func explain(solver *depsolve.Solver, goal depsolve.Goal) []string {
	problems := solver.Explain(goal)
	if len(problems) == 0 {
		return []string{"the buildroot cannot be installed"}
	}
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.String()
	}
	return texts
}
