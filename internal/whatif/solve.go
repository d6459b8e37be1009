package whatif

import (
	"context"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A batch is some goals on their way from the reader through a solver to the
// writer. Batches keep the order of the source repository.
type batch struct {
	packages []*rpm.Package // the solver drops them when it is done
	goals    int
	sets     []byte // lines of their sets
	failed   int
	failures []Failure
	with     *Difference   // what a change does
	solved   chan struct{} // closed when all that is there
}

const batchSize = 128

// Options say how goals are solved and what is wanted of the answers.
type Options struct {
	WeakDeps   bool // install what is recommended too, which mock does not
	Lenient    bool // see [depsolve.SolverOptions]
	Goroutines int  // that solve goals at once; 0 is one for each core

	// Explain asks for the problems of all goals that fail; otherwise only those are
	// explained that a change has broken.
	Explain bool
	// AllReasons has problems say all that is known, in the words of libdnf, and not
	// the way to each cause.
	AllReasons bool

	// Sets takes a line for each goal, in their order: its name, a tab, OK or FAIL, a
	// tab, and what its buildroot contains, sorted. Nil if they are not wanted.
	Sets io.Writer
	// Distances has the lines name packages and distances, and not NEVRAs.
	Distances bool

	Progress func(goals int) // is told now and then how many are done
}

// Solve solves the goals of all source packages. The report, and what has been
// written to Sets, count only if there is no error.
func (w *World) Solve(ctx context.Context, o Options) (*Report, error) {
	if o.Goroutines == 0 {
		o.Goroutines = runtime.GOMAXPROCS(0)
	}
	report := newReport(w.change != nil)
	var names *tokens
	if o.Sets != nil {
		names = newTokens(w.universe, o.Distances)
	}
	why := resolution.NewExplainer(o.AllReasons)
	toSolve, toWrite := make(chan *batch, o.Goroutines), make(chan *batch, 2*o.Goroutines)
	group, ctx := errgroup.WithContext(ctx)
	// Buffers of batches that are written. They are used again only for speed.
	spare := make(chan []byte, cap(toWrite)+o.Goroutines+1)
	group.Go(func() error {
		defer close(toSolve)
		defer close(toWrite)
		return readGoals(ctx, w.source, toSolve, toWrite)
	})
	for range o.Goroutines {
		group.Go(func() error {
			w.newWorker(&o, names, why, spare).run(ctx, toSolve)
			return nil
		})
	}
	group.Go(func() error { return collect(ctx, toWrite, spare, &o, report) })
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
	return &batch{packages: make([]*rpm.Package, 0, batchSize), with: newDifference(), solved: make(chan struct{})}
}

// collect writes what the solvers have found, in order.
func collect(ctx context.Context, batches <-chan *batch, spare chan<- []byte, o *Options, report *Report) error {
	for b := range batches {
		select {
		case <-b.solved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if o.Sets != nil {
			if _, err := o.Sets.Write(b.sets); err != nil {
				return err
			}
		}
		select {
		case spare <- b.sets[:0]:
		default:
		}
		report.add(b)
		if o.Progress != nil {
			o.Progress(report.Goals)
		}
	}
	return nil
}
