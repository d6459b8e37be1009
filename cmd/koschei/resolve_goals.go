package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A batch is some goals on their way from the reader through a solver to the
// writer. Batches keep the order of the source repository.
type batch struct {
	packages []*rpm.Package // the solver drops them when it is done
	goals    int
	sets     []byte // the lines of the sets file
	failed   int
	failures []failure
	diff     *difference   // what an overlay does
	solved   chan struct{} // closed when all that is there
}

const batchSize = 128

// solveAll solves the goals of all source packages. The report counts only if
// there is no error.
func (w *world) solveAll(ctx context.Context, o resolveOptions, sets *setsFile) (*resolveReport, error) {
	report := newReport(o)
	toSolve, toWrite := make(chan *batch, o.jobs), make(chan *batch, 2*o.jobs)
	group, ctx := errgroup.WithContext(ctx)
	spare := make(chan []byte, cap(toWrite)+o.jobs+1) // buffers of batches that are written
	group.Go(func() error {
		defer close(toSolve)
		defer close(toWrite)
		return readGoals(ctx, w.source, toSolve, toWrite)
	})
	for range o.jobs {
		group.Go(func() error {
			w.newWorker(o, sets, spare).run(ctx, toSolve)
			return nil
		})
	}
	group.Go(func() error {
		bar := newProgressBar(os.Stderr, w.announce)
		defer bar.clear()
		return collect(ctx, toWrite, spare, sets, report, bar)
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return report, nil
}

// readGoals sends every batch to the solvers and, in order, to the writer.
func readGoals(ctx context.Context, source *repodata.Repo, toSolve, toWrite chan<- *batch) error {
	send := func(b *batch) error {
		b.goals = len(b.packages)
		for _, to := range []chan<- *batch{toWrite, toSolve} {
			select {
			case to <- b:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	}
	b := newBatch()
	err := source.Packages(ctx, func(p *rpm.Package) error {
		if p.Arch != "src" && p.Arch != "nosrc" {
			return nil
		}
		goal := rpm.Package{NEVRA: p.NEVRA, Flaw: p.Flaw, Requires: p.Requires, Conflicts: p.Conflicts}
		b.packages = append(b.packages, goal.Clone())
		if len(b.packages) < batchSize {
			return nil
		}
		full := b
		b = newBatch()
		return send(full)
	})
	if err != nil {
		return err
	}
	return send(b)
}

func newBatch() *batch {
	return &batch{packages: make([]*rpm.Package, 0, batchSize), diff: newDifference(), solved: make(chan struct{})}
}

// A worker solves goals with solvers of its own.
type worker struct {
	solver  *depsolve.Solver
	before  *depsolve.Solver // of what is without the overlay; nil if there is none
	change  *depsolve.Change
	explain bool // all failures, not only those that are the overlay's
	all     bool // reasons
	group   []string
	lines   *lineWriter // nil if no sets are wanted
	spare   <-chan []byte
	answers map[string]answer // in the batch at hand, by their BuildRequires
	recur   recurring
	key     []byte
}

func (w *world) newWorker(o resolveOptions, sets *setsFile, spare <-chan []byte) *worker {
	// An overlay's effect is told from sorted answers, and lines with distances
	// are copied by them.
	inOrder := w.before != nil || sets != nil && sets.distances
	options := depsolve.SolverOptions{WeakDeps: o.weakDeps, Lenient: o.lenient, Unordered: !inOrder}
	k := &worker{
		solver:  w.universe.NewSolver(options),
		change:  w.change,
		explain: !o.whatIf() || o.output == "json",
		all:     o.allReasons,
		group:   w.group,
		lines:   sets.newLineWriter(),
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
// has the BuildRequires of another nearby, and so its answer.
type answer struct {
	ok       bool
	problems []string // if they are asked for
	effect   depsolve.Effect
	again    bool   // it was solved again because of the overlay
	line     []byte // without the name
}

// recurring are the answers that goals of several batches have. Those with few
// BuildRequires recur: one source package in seven asks for what some in earlier
// batches have asked for, all of them for some six hundred things.
type recurring struct {
	answers map[string]answer // by BuildRequires; those given once so far are empty
	kept    int               // that are not
}

const (
	fewRequires   = 4
	mostRecurring = 2048 // some 10 KiB each
)

// of returns the answer for BuildRequires with a key, if it is kept.
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
		b.failures = append(b.failures, failure{Name: p.Name, Problems: []string{p.Flaw}})
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
			b.failures = append(b.failures, failure{Name: p.Name, Problems: a.problems})
		}
	}
	b.diff.count(p.Name, a.effect, a.again, a.problems)
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
		a.problems = problemsOf(w.solver, goal, w.all)
	}
	start := len(b.sets)
	if w.lines != nil {
		b.sets = w.lines.append(b.sets, w.solver, result)
	}
	a.line = b.sets[start:len(b.sets):len(b.sets)]
	return a
}

// compare solves a goal, says what the overlay has done to it, and whether that
// took solving it again.
func (w *worker) compare(goal depsolve.Goal) (result depsolve.Result, effect depsolve.Effect, again bool) {
	if w.before == nil {
		return w.solver.Solve(goal), depsolve.Unchanged, false
	}
	before, record := w.before.SolveRecorded(goal)
	result, again = w.change.Follow(w.solver, goal, before, record)
	return result, w.change.Effect(before, result), again
}

// collect writes what the solvers have found, in order.
func collect(ctx context.Context, batches <-chan *batch, spare chan<- []byte, sets *setsFile, report *resolveReport, bar *progressBar) error {
	for b := range batches {
		select {
		case <-b.solved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := sets.write(b.sets); err != nil {
			return err
		}
		select {
		case spare <- b.sets[:0]:
		default:
		}
		report.add(b)
		bar.show(report.Goals)
	}
	return nil
}

// A progressBar shows on a terminal how many of the goals are done.
type progressBar struct {
	w     io.Writer
	total int // 0: show nothing
	shown time.Time
}

func newProgressBar(w io.Writer, total int) *progressBar { return &progressBar{w: w, total: total} }

func (b *progressBar) show(done int) {
	const width, pause = 40, 100 * time.Millisecond
	if now := time.Now(); b.total > 0 && now.Sub(b.shown) >= pause {
		b.shown = now
		filled := min(width*done/b.total, width)
		_, _ = fmt.Fprintf(b.w, "\r[%s%s] %d of %d", strings.Repeat("#", filled), strings.Repeat(" ", width-filled), done, b.total)
	}
}

func (b *progressBar) clear() {
	if b.total > 0 {
		_, _ = fmt.Fprint(b.w, "\r\x1b[K")
	}
}
