package depsolve_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/depsolve"
)

// The benchmarks solve all goals of a distribution. They report CPU seconds
// (user and system), since that is what does not depend on who else uses the
// machine: go test -bench . -benchtime 1x

func BenchmarkSolveBookworm(b *testing.B) { benchmarkSolve(b, bookworm, true) }
func BenchmarkSolveCentOS(b *testing.B)   { benchmarkSolve(b, cs9, false) }

func benchmarkSolve(b *testing.B, read func() *dataset, distances bool) {
	d := load(b, read)
	for _, goroutines := range []int{1, 2} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			start := cpuTime(b)
			for b.Loop() {
				solveAll(d, goroutines, distances, depsolve.SolverOptions{})
			}
			b.ReportMetric((cpuTime(b)-start).Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}

func BenchmarkSolveWeakBookworm(b *testing.B) {
	d := load(b, bookworm)
	start := cpuTime(b)
	for b.Loop() {
		solveAll(d, 1, false, depsolve.SolverOptions{WeakDeps: true})
	}
	b.ReportMetric((cpuTime(b)-start).Seconds()/float64(b.N), "cpu-s/op")
}

// solveAll solves all goals and returns how many have a solution.
func solveAll(d *dataset, goroutines int, distances bool, o depsolve.SolverOptions) int {
	const chunk = 256
	var next, solved atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			solver := d.universe.NewSolver(o)
			for {
				start := int(next.Add(chunk)) - chunk
				if start >= len(d.sources) {
					return
				}
				for i := start; i < min(start+chunk, len(d.sources)); i++ {
					r := solver.Solve(d.goal(i))
					if !r.OK {
						continue
					}
					solved.Add(1)
					if distances {
						solver.Distances(r.Packages)
					}
				}
			}
		})
	}
	wg.Wait()
	return int(solved.Load())
}

// cpuTime is what the process has used so far.
func cpuTime(tb testing.TB) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
