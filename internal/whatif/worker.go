package whatif

import (
	"context"
	"encoding/binary"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A worker solves goals with solvers of its own.
type worker struct {
	solver  *depsolve.Solver
	before  *depsolve.Solver // of what is without the change; nil if there is none
	change  *depsolve.Change
	why     *resolution.Explainer
	explain bool // all failures, not only those that are the change's
	group   []string
	lines   *lineWriter // nil if no sets are wanted
	spare   <-chan []byte
	answers map[string]answer // in the batch at hand, by their BuildRequires and BuildConflicts
	recur   recurring
	key     []byte
}

func (w *World) newWorker(o *Options, names *tokens, why *resolution.Explainer, spare <-chan []byte) *worker {
	// A change's effect is told from sorted answers, and lines with distances are
	// copied by them.
	inOrder := w.before != nil || names != nil && names.distances
	options := depsolve.SolverOptions{WeakDeps: o.WeakDeps, Lenient: o.Lenient, Unordered: !inOrder}
	k := &worker{
		solver:  w.universe.NewSolver(options),
		change:  w.change,
		why:     why,
		explain: o.Explain,
		group:   w.group,
		lines:   names.newLineWriter(),
		spare:   spare,
		answers: make(map[string]answer),
		recur:   recurring{answers: make(map[string]answer)},
	}
	if w.before != nil {
		k.before = w.before.NewSolver(options)
	}
	return k
}

func (w *worker) run(ctx context.Context, batches <-chan *batch) {
	for b := range batches {
		select {
		case b.sets = <-w.spare:
		default:
		}
		clear(w.answers)
		w.lines.begin()
		for _, p := range b.packages {
			if ctx.Err() != nil {
				return
			}
			w.add(b, p)
		}
		b.packages = nil
		close(b.solved)
	}
}

// An answer is all there is to know about a goal. One source package in seven
// has the BuildRequires of another nearby, and so its answer. Only for speed,
// answers are kept: see worker.answers and recurring.
type answer struct {
	ok       bool
	problems []string // if they are asked for
	effect   depsolve.Effect
	again    bool   // it was solved again because of the change
	line     []byte // without the name
}

// recurring are the answers that goals of several batches have. Those with few
// BuildRequires recur: one source package in seven asks for what some in earlier
// batches have asked for, all of them for some six hundred things. They are kept
// only for speed.
type recurring struct {
	answers map[string]answer // by BuildRequires and BuildConflicts; those given once so far are empty
	kept    int               // that are not
}

const (
	fewRequires   = 4
	mostRecurring = 2048 // some 10 KiB each
)

// of returns the answer for BuildRequires and BuildConflicts with a key, if it is kept.
func (r *recurring) of(key []byte) (answer, bool) {
	a, known := r.answers[string(key)]
	return a, known && a.line != nil
}

// note keeps an answer when it is given for the second time: most are not.
func (r *recurring) note(key string, requires []rpm.Relation, a answer) {
	if len(requires) > fewRequires || r.kept == mostRecurring {
		return
	}
	if _, again := r.answers[key]; again {
		a.line = append([]byte{}, a.line...)
		r.answers[key] = a
		r.kept++
		return
	}
	r.answers[key] = answer{}
}

// add adds the answer for one package to a batch.
func (w *worker) add(b *batch, p *rpm.Package) {
	if w.lines != nil {
		b.sets = append(b.sets, p.Name...)
	}
	if p.Flaw != "" {
		b.sets = w.lines.appendFailure(b.sets)
		b.failed++
		if w.explain {
			b.failures = append(b.failures, Failure{Name: p.Name, Problems: []string{p.Flaw}})
		}
		return
	}
	w.key = appendKey(appendKey(w.key[:0], p.Requires), p.Conflicts)
	a, known := w.answers[string(w.key)]
	if !known {
		a, known = w.recur.of(w.key)
	}
	if known {
		b.sets = append(b.sets, a.line...)
	} else {
		a = w.solve(b, depsolve.Goal{Group: w.group, Requires: p.Requires, Conflicts: p.Conflicts})
		key := string(w.key)
		w.answers[key] = a
		w.recur.note(key, p.Requires, a)
	}
	if !a.ok {
		b.failed++
		if w.wantsProblems(a) {
			b.failures = append(b.failures, Failure{Name: p.Name, Problems: a.problems})
		}
	}
	b.with.count(p.Name, a.effect, a.again, a.problems)
}

// appendKey appends what tells relations from others.
func appendKey(key []byte, relations []rpm.Relation) []byte {
	for _, r := range relations {
		key = append(append(key, r.Name...), 0, byte(r.Op))
		key = binary.LittleEndian.AppendUint32(key, r.EVR.Epoch)
		key = append(append(key, r.EVR.Version...), 0)
		key = append(append(key, r.EVR.Release...), 0)
	}
	return append(key, 0)
}

func (w *worker) wantsProblems(a answer) bool {
	return !a.ok && (w.explain || a.effect == depsolve.Broken)
}

// solve answers a goal and adds its line to a batch.
func (w *worker) solve(b *batch, goal depsolve.Goal) answer {
	result, effect, again := w.compare(goal)
	a := answer{ok: result.OK, effect: effect, again: again}
	if w.wantsProblems(a) {
		a.problems = w.why.Problems(w.solver, goal)
	}
	start := len(b.sets)
	if w.lines != nil {
		b.sets = w.lines.append(b.sets, w.solver, result)
	}
	a.line = b.sets[start:len(b.sets):len(b.sets)]
	return a
}

// compare solves a goal, says what the change has done to it, and whether that
// took solving it again.
func (w *worker) compare(goal depsolve.Goal) (result depsolve.Result, effect depsolve.Effect, again bool) {
	if w.before == nil {
		return w.solver.Solve(goal), depsolve.Unchanged, false
	}
	before, record := w.before.SolveRecorded(goal)
	result, again = w.change.Follow(w.solver, goal, before, record)
	return result, w.change.Effect(before, result), again
}
