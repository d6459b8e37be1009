package resolution_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/rpm"
)

const bookworm = "../../../shared/data/bookworm"

// cpu is the processor time of this process so far.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkDistribution loads a repo of 63,436 packages and resolves 34,230
// sources in it. It reports processor time, also that of loading the tag's next
// repo, which has the same packages, and what a repo keeps in memory.
func BenchmarkDistribution(b *testing.B) {
	if _, err := os.Stat(bookworm); err != nil {
		b.Skipf("no test data: %v", err)
	}
	mux := http.NewServeMux()
	for _, repo := range []string{"/1/x86_64", "/2/x86_64"} {
		mux.Handle(repo+"/", http.StripPrefix(repo, http.FileServer(http.Dir(bookworm+"/binary"))))
	}
	server := httptest.NewServer(mux)
	b.Cleanup(server.Close)
	requires := sources(b)
	n := &numbers{ids: map[rpm.NEVRA]int32{}}
	var load, next, resolve time.Duration
	var kept uint64
	for b.Loop() {
		repos := &resolution.Repos{
			Files: &repodata.Cache{Dir: b.TempDir(), Client: repodata.NewClient()}, Arch: "x86_64", Intern: n.intern,
		}
		before, began := heap(), cpu(b)
		repo, err := repos.Open(b.Context(), server.URL+"/1/x86_64", resolution.Paths(requires))
		if err != nil {
			b.Fatal(err)
		}
		load += cpu(b) - began
		kept = heap() - before
		group, err := repo.Group("build", noHub)
		if err != nil {
			b.Fatal(err)
		}
		began = cpu(b)
		answers, err := repo.Resolver(resolution.Options{Group: group}).Resolve(b.Context(), goals(requires))
		if err != nil || len(answers) < 30000 {
			b.Fatal(len(answers), err)
		}
		resolve += cpu(b) - began
		began = cpu(b)
		if _, err := repos.Open(b.Context(), server.URL+"/2/x86_64", resolution.Paths(requires)); err != nil {
			b.Fatal(err)
		}
		next += cpu(b) - began
	}
	b.ReportMetric(load.Seconds()/float64(b.N), "load-cpu-s/op")
	b.ReportMetric(next.Seconds()/float64(b.N), "next-load-cpu-s/op")
	b.ReportMetric(resolve.Seconds()/float64(b.N), "resolve-cpu-s/op")
	b.ReportMetric(float64(kept)/(1<<20), "repo-MiB")
}

// sources are the BuildRequires of all sources of the distribution.
func sources(b *testing.B) [][]string {
	b.Helper()
	files, err := repodata.Open(b.Context(), bookworm+"/source", nil)
	if err != nil {
		b.Fatal(err)
	}
	var requires [][]string
	err = files.Packages(b.Context(), func(p *rpm.Package) error {
		texts := []string{}
		for _, r := range p.Clone().Requires {
			texts = append(texts, r.String())
		}
		requires = append(requires, texts)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return requires
}
