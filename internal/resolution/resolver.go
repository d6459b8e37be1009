package resolution

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Options say how a Resolver resolves.
type Options struct {
	Group      []string // packages of the buildroot group
	WeakDeps   bool     // install what is recommended too, which mock does not
	Goroutines int      // solvers at work at once; 0 is one for each core
}

// A Resolver resolves BuildRequires against a Repo. It is used by one
// goroutine at a time and kept for many goals.
type Resolver struct {
	repo    *Repo
	group   []string
	solvers []*depsolve.Solver
	why     explainer
}

// Resolver returns a Resolver against r.
func (r *Repo) Resolver(o Options) *Resolver {
	if o.Goroutines == 0 {
		o.Goroutines = runtime.GOMAXPROCS(0)
	}
	v := &Resolver{repo: r, group: o.Group, solvers: make([]*depsolve.Solver, o.Goroutines)}
	for i := range v.solvers {
		v.solvers[i] = r.universe.NewSolver(depsolve.SolverOptions{WeakDeps: o.WeakDeps})
	}
	return v
}

// An Answer is what a buildroot contains, or why it cannot be made.
type Answer struct {
	Set      postgres.Set // nil if there are problems
	Problems []string     // one sentence each, or a line for each of its reasons
}

// Resolved says whether the buildroot can be made.
func (a *Answer) Resolved() bool { return len(a.Problems) == 0 }

// Base answers for the buildroot group alone.
func (v *Resolver) Base() Answer { return v.answer(v.solvers[0], nil) }

// Resolve answers for source packages by their BuildRequires, in their order.
// An error is ctx's alone: whatever is wrong with a package is its problem.
func (v *Resolver) Resolve(ctx context.Context, requires [][]string) ([]Answer, error) {
	const step = 16 // goals that a goroutine takes at once
	answers := make([]Answer, len(requires))
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for _, solver := range v.solvers[:min(len(v.solvers), 1+len(requires)/step)] {
		group.Go(func() error {
			for ctx.Err() == nil {
				first := int(next.Add(step)) - step
				if first >= len(requires) {
					return nil
				}
				for i := first; i < min(first+step, len(requires)); i++ {
					answers[i] = v.answer(solver, requires[i])
				}
			}
			return context.Cause(ctx)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return answers, nil
}

// Paths returns the files that BuildRequires name and that only the file lists
// of a repository know. A repository must be opened with them.
func Paths(requires [][]string) []string {
	var relations []rpm.Relation
	for _, texts := range requires {
		for _, text := range texts {
			if !strings.Contains(text, "/") {
				continue
			}
			if r, err := rpm.ParseRelation(text); err == nil {
				relations = append(relations, r)
			}
		}
	}
	return repodata.Paths(nil, relations)
}

func (v *Resolver) answer(solver *depsolve.Solver, requires []string) Answer {
	goal := depsolve.Goal{Group: v.group, Requires: make([]rpm.Relation, len(requires))}
	var problems []string
	for i, text := range requires {
		var err error
		if goal.Requires[i], err = rpm.ParseRelation(text); err != nil {
			problems = append(problems, fmt.Sprintf("a BuildRequires cannot be read: %v", err))
		}
	}
	if len(problems) > 0 {
		return Answer{Problems: problems}
	}
	result := solver.Solve(goal)
	if result.OK {
		return Answer{Set: v.repo.set(result.Packages, solver.Distances(result.Packages))}
	}
	return Answer{Problems: v.why.whole(solver, goal)}
}
