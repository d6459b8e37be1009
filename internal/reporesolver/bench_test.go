package reporesolver

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

const bookworm = "../../../shared/data/bookworm"

// cpu is the processor time of this process so far, without PostgreSQL's.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRepo resolves a distribution of 34,230 packages again and again, in
// a new repo each time.
func BenchmarkRepo(b *testing.B) {
	if _, err := os.Stat(bookworm); err != nil {
		b.Skipf("no test data: %v", err)
	}
	world, err := kojisim.LoadWorld(b.Context(), bookworm, kojisim.GeneratorOptions{Seed: 1, History: 24 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	s := newSim(b, world)
	s.mustPass()
	for b.Loop() {
		b.StopTimer()
		for newest := s.newest(b); s.newest(b) == newest; {
			s.clock.Step(time.Hour)
		}
		runtime.GC()
		b.StartTimer()
		began, used := time.Now(), cpu(b)
		s.mustPass()
		b.Logf("took %v, CPU %v, %d changed", time.Since(began), cpu(b)-used, s.number(`SELECT packages_changed FROM repo ORDER BY repo_id DESC LIMIT 1`))
	}
}

func (s *sim) newest(tb testing.TB) int64 {
	tb.Helper()
	r, err := s.Koji.Repo(tb.Context(), kojisim.BuildTagName)
	if err != nil {
		tb.Fatal(err)
	}
	return r.ID
}
