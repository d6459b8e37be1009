package resolution

import (
	"sync"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// An explainer says why goals have no solution. To explain is a hundred times
// the work of solving, and a library that breaks takes thousands of packages
// with it. So BuildRequires are looked at one by one, and each only once; then
// those that can be met alone are tried together.
type explainer struct {
	mu    sync.Mutex
	known map[rpm.Relation][]depsolve.Cause // why not, by BuildRequires
}

// whole is why a goal has no solution, a text for each cause.
func (e *explainer) whole(solver *depsolve.Solver, goal depsolve.Goal) []string {
	var causes []depsolve.Cause
	rest := depsolve.Goal{Group: goal.Group, Conflicts: goal.Conflicts}
	for _, r := range goal.Requires {
		alone := e.single(solver, goal.Group, r)
		if causes = append(causes, alone...); len(alone) == 0 {
			rest.Requires = append(rest.Requires, r)
		}
	}
	if len(causes) == 0 || !solver.Solve(rest).OK {
		causes = append(causes, explain(solver, rest)...)
	}
	return textsOf(depsolve.MergeCauses(causes))
}

// single is why one BuildRequires cannot be met, nil if it can.
func (e *explainer) single(solver *depsolve.Solver, group []string, r rpm.Relation) []depsolve.Cause {
	e.mu.Lock()
	causes, known := e.known[r]
	e.mu.Unlock()
	if known {
		return causes
	}
	goal := depsolve.Goal{Group: group, Requires: []rpm.Relation{r}}
	if !solver.Solve(goal).OK {
		causes = explain(solver, goal)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known == nil {
		e.known = map[rpm.Relation][]depsolve.Cause{}
	}
	e.known[r] = causes
	return causes
}

// explain is why a goal has no solution. A goal without a solution has a cause in
// any case, or it would be taken for resolved.
func explain(solver *depsolve.Solver, goal depsolve.Goal) []depsolve.Cause {
	causes := solver.Universe().Causes(solver.Explain(goal))
	if len(causes) == 0 {
		return []depsolve.Cause{{Facts: []string{"it cannot be installed"}}}
	}
	return causes
}

func textsOf(causes []depsolve.Cause) []string {
	texts := make([]string, len(causes))
	for i, c := range causes {
		texts[i] = c.String()
	}
	return texts
}
