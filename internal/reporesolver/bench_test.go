package reporesolver

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/distro"
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

// databaseCPU is the processor time of PostgreSQL's processes that serve us.
func (s *sim) databaseCPU(tb testing.TB) time.Duration {
	tb.Helper()
	ticks := 0
	for _, pid := range s.ServerProcesses() {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			tb.Fatal(err)
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')'):]))
		for _, field := range fields[12:14] { // utime and stime
			n, err := strconv.Atoi(field)
			if err != nil {
				tb.Fatal(err)
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * (time.Second / 100)
}

// BenchmarkRepo resolves a distribution of 34,230 packages again and again, in
// a new repo each time, and tells the time from the repo to stored verdicts;
// the first repo, which a record that was just filled knows no verdict of, apart.
// In the repos of the part mass every answer is another one than before.
func BenchmarkRepo(b *testing.B) {
	b.Run("usual", func(b *testing.B) { benchmarkRepo(b, false) })
	b.Run("mass", func(b *testing.B) { benchmarkRepo(b, true) })
}

func benchmarkRepo(b *testing.B, mass bool) {
	if _, err := os.Stat(bookworm); err != nil {
		b.Skipf("no test data: %v", err)
	}
	world, err := distro.Load(b.Context(), bookworm, distro.Options{Seed: 1, History: 24 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	s := newSim(b, world)
	first := s.databaseCPU(b)
	s.mustPass()
	first = s.databaseCPU(b) - first
	var ours, databases time.Duration
	for b.Loop() {
		b.StopTimer()
		for newest := s.newest(b); s.newest(b) == newest; {
			s.Clock.Step(time.Hour)
		}
		if mass {
			s.SpoilVerdicts()
		}
		runtime.GC()
		b.StartTimer()
		began, used, databaseUsed := time.Now(), cpu(b), s.databaseCPU(b)
		s.mustPass()
		used, databaseUsed = cpu(b)-used, s.databaseCPU(b)-databaseUsed
		ours, databases = ours+used, databases+databaseUsed
		b.Logf("%v, CPU %v and %v of the database, %d packages changed", time.Since(began), used, databaseUsed,
			s.NewestRepo().PackagesChanged)
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(databases.Seconds()/float64(b.N), "database-cpu-s/op")
	b.ReportMetric(first.Seconds(), "first-database-cpu-s")
}

func (s *sim) newest(tb testing.TB) int64 {
	tb.Helper()
	r, err := s.Hubs.Primary.Repo(tb.Context(), distro.BuildTagName)
	if err != nil {
		tb.Fatal(err)
	}
	return r.ID
}
