package resolution

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Options say how a Resolver resolves.
type Options struct {
	Group      []string // packages of the buildroot group
	WeakDeps   bool     // install what is recommended too, which mock does not
	Lenient    bool     // see [depsolve.SolverOptions]
	Goroutines int      // solvers at work at once; 0 is one for each core
}

// A Resolver resolves BuildRequires against a Repo. It is used by one
// goroutine at a time, for many goals: before the first it has to find out what
// the group alone installs.
type Resolver struct {
	repo    *Repo
	options Options
	workers []*worker
	why     *Explainer
}

// A worker resolves one goal after the other in the same memory.
type worker struct {
	solver    *depsolve.Solver
	marked    []uint64 // a bit for each place in the order of numbers
	distances []uint8  // by place, of those marked
	set       depset.Set
	hasher    depset.Hasher
}

// A Goal is a source package to resolve.
type Goal struct {
	Requires  []string // its BuildRequires
	Conflicts []string // its BuildConflicts

	// Known is the hash of a set. When the buildroot contains just that, the answer
	// says so and does not have the set; nil to have it in any case.
	Known []byte
}

// Resolver returns a Resolver against r, one that is Done if there is one.
func (r *Repo) Resolver(o Options) *Resolver {
	if o.Goroutines == 0 {
		o.Goroutines = runtime.GOMAXPROCS(0)
	}
	if v := r.idleResolver(o); v != nil {
		return v
	}
	v := &Resolver{repo: r, options: o, workers: make([]*worker, o.Goroutines), why: NewExplainer(false)}
	for i := range v.workers {
		v.workers[i] = &worker{
			solver: r.universe.NewSolver(depsolve.SolverOptions{WeakDeps: o.WeakDeps, Lenient: o.Lenient, Unordered: true}),
			marked: make([]uint64, len(r.numbers)/64+1), distances: make([]uint8, len(r.numbers)),
		}
	}
	return v
}

func (r *Repo) idleResolver(o Options) *Resolver {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.idle, func(v *Resolver) bool {
		return v.options.WeakDeps == o.WeakDeps && v.options.Lenient == o.Lenient &&
			v.options.Goroutines == o.Goroutines && slices.Equal(v.options.Group, o.Group)
	})
	if i < 0 {
		return nil
	}
	v := r.idle[i]
	r.idle = slices.Delete(r.idle, i, i+1)
	return v
}

// Done leaves v to whoever wants a Resolver like it next.
func (v *Resolver) Done() {
	v.repo.mu.Lock()
	defer v.repo.mu.Unlock()
	if len(v.repo.idle) < 2 {
		v.repo.idle = append(v.repo.idle, v)
	}
}

// An Answer is what a buildroot contains, or why it cannot be made.
type Answer struct {
	Set      depset.Set     // nil if there are problems, or it is the Same
	Hash     []byte         // the set's
	Same     bool           // as the goal knows it
	Problems []string       // one sentence each, or a line for each of its reasons
	Unmet    []depset.Unmet // what nothing provides, each once
}

// Resolved says whether the buildroot can be made.
func (a *Answer) Resolved() bool { return len(a.Problems) == 0 }

// Base answers for the buildroot group alone.
func (v *Resolver) Base() Answer {
	answers := make([]Answer, 1)
	v.answer(v.workers[0], question{goals: []int{0}}, make([]Goal, 1), answers)
	return answers[0]
}

// Resolve answers for source packages, in their order. Answers may share their
// memory. An error is ctx's alone: whatever is wrong with a package is its
// problem.
func (v *Resolver) Resolve(ctx context.Context, goals []Goal) ([]Answer, error) {
	const step = 16 // questions that a goroutine takes at once
	answers := make([]Answer, len(goals))
	questions := questionsOf(goals)
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range v.workers[:min(len(v.workers), 1+len(questions)/step)] {
		group.Go(func() error {
			for ctx.Err() == nil {
				first := int(next.Add(step)) - step
				if first >= len(questions) {
					return nil
				}
				for _, q := range questions[first:min(first+step, len(questions))] {
					v.answer(w, q, goals, answers)
				}
				loop.Alive(ctx)
			}
			return context.Cause(ctx)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return answers, nil
}

// A question is what some goals ask, which have the same BuildRequires. Of a
// thousand source packages that follow each other one in five has those of
// another.
type question struct {
	requires, conflicts []string
	goals               []int // by index
}

func questionsOf(goals []Goal) []question {
	questions := make([]question, 0, len(goals))
	known := make(map[string]int, len(goals)) // by BuildRequires
	var key []byte
	for i := range goals {
		key = key[:0]
		for _, list := range [][]string{goals[i].Requires, goals[i].Conflicts} {
			for _, text := range list {
				key = append(append(key, text...), 0)
			}
			key = append(key, 0)
		}
		n, ok := known[string(key)]
		if !ok {
			n = len(questions)
			known[string(key)] = n
			questions = append(questions, question{requires: goals[i].Requires, conflicts: goals[i].Conflicts})
		}
		questions[n].goals = append(questions[n].goals, i)
	}
	return questions
}

// Paths returns the files that BuildRequires and BuildConflicts name and that only
// the file lists of a repository know. A repository must be opened with them.
func Paths(needs [][]string) []string {
	var relations []rpm.Relation
	for _, texts := range needs {
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

// answer writes the answers to a question.
func (v *Resolver) answer(w *worker, q question, goals []Goal, answers []Answer) {
	set, problems, unmet := v.solve(w, q)
	var hash [sha256.Size]byte
	if len(problems) == 0 {
		hash = w.hasher.Hash(set)
	}
	var full Answer // made once it is known that somebody needs it
	for _, i := range q.goals {
		switch {
		case len(problems) > 0:
			full = Answer{Problems: problems, Unmet: unmet}
		case bytes.Equal(hash[:], goals[i].Known):
			answers[i] = Answer{Same: true}
			continue
		case full.Hash == nil:
			full = Answer{Set: slices.Clone(set), Hash: bytes.Clone(hash[:])}
		}
		answers[i] = full
	}
}

// solve returns what the buildroot for a question contains, until the next call,
// or why it cannot be made.
func (v *Resolver) solve(w *worker, q question) (set depset.Set, problems []string, unmet []depset.Unmet) {
	goal, problems := v.goal(q)
	if len(problems) > 0 {
		return nil, problems, nil
	}
	result := w.solver.Solve(goal)
	if result.OK {
		return w.stored(v.repo, result.Packages), nil, nil
	}
	for _, p := range v.why.Explain(w.solver, goal) {
		problems = append(problems, p.Text)
		for _, n := range p.Unmet {
			if !slices.Contains(unmet, n) {
				unmet = append(unmet, n)
			}
		}
	}
	return nil, problems, unmet
}

// goal is what a question asks the solver, or what of it cannot be read.
func (v *Resolver) goal(q question) (goal depsolve.Goal, problems []string) {
	goal = depsolve.Goal{
		Group:     v.options.Group,
		Requires:  make([]rpm.Relation, len(q.requires)),
		Conflicts: make([]rpm.Relation, len(q.conflicts)),
	}
	parse := func(kind depsolve.LinkKind, text string) rpm.Relation {
		r, err := rpm.ParseRelation(text)
		if err != nil {
			cause := depsolve.Cause{Asked: []depsolve.Asked{{Kind: kind, Dep: text}}, Facts: []string{"it cannot be read: " + err.Error()}}
			problems = append(problems, cause.String())
		}
		return r
	}
	for i, text := range q.requires {
		goal.Requires[i] = parse(depsolve.ByBuildRequires, text)
	}
	for i, text := range q.conflicts {
		goal.Conflicts[i] = parse(depsolve.ByBuildConflicts, text)
	}
	return goal, problems
}

// stored returns packages as they are stored, until the next call. They are
// sorted by marking their places, which takes less than half as long as
// comparing them.
func (w *worker) stored(r *Repo, ids []depsolve.ID) depset.Set {
	for i, distance := range w.solver.Distances(ids) {
		place := r.places[ids[i]]
		w.marked[place/64] |= 1 << (place % 64)
		w.distances[place] = distance
	}
	w.set = w.set[:0]
	for i, left := range w.marked {
		for ; left != 0; left &= left - 1 {
			place := i*64 + bits.TrailingZeros64(left)
			w.set = append(w.set, depset.Member{ID: r.numbers[place], Distance: w.distances[place]})
		}
		w.marked[i] = 0
	}
	return w.set
}
