package kojisync_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// BenchmarkPoll polls a distribution of 34,230 packages: when nothing of it is
// known yet, and when nothing is new. The hub's share is in it.
func BenchmarkPoll(b *testing.B) {
	const dir = "../../../shared/data/bookworm"
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			b.Fatal(err)
		}
		b.Skip("the metadata of a whole distribution is not there: ", err)
	}
	w, err := distro.Load(b.Context(), dir, distro.Options{})
	if err != nil {
		b.Fatal(err)
	}
	f := fixtureOf(b, w)
	f.SetCollection("f40", pgtest.Target(distro.TargetName), pgtest.DestTag(distro.DestTagName), pgtest.BuildTag(distro.BuildTagName))
	for _, name := range []string{"first", "again"} {
		b.Run(name, func(b *testing.B) {
			start := cpuTime(b)
			for range b.N {
				f.poll()
			}
			b.ReportMetric((cpuTime(b)-start).Seconds()/float64(b.N), "cpu-s/op")
		})
		f.Analyze()
	}
	b.Logf("%d packages with builds and source facts", len(f.SRPMs()))
}

// cpuTime is what this process, PostgreSQL apart, has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
