package distro

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// dataDir is the project's test data; the test is skipped where it is absent.
func dataDir(t *testing.T, name string) string {
	t.Helper()
	dir := "../../../../shared/data/" + name
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no test data: %v", err)
		}
		t.Skipf("no test data: %v", err)
	}
	return dir
}

func TestLoadWorld(t *testing.T) {
	if testing.Short() {
		t.Skip("a world of 34,230 packages")
	}
	began := time.Now()
	world, err := Load(t.Context(), dataDir(t, "bookworm"), Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := world.Lock()
	world.Unlock()
	if got := len(w.Packages); got != 34230 {
		t.Errorf("got %d packages, want 34230", got)
	}
	t.Logf("loaded in %v", time.Since(began))
	var mem runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&mem)
	t.Logf("heap %d MiB, %d builds, %d tasks, %d loose packages", mem.HeapAlloc>>20, len(w.Builds), len(w.Tasks), len(w.TagByName(BuildTagName).Loose))

	server := httptest.NewServer(kojihub.New(world, kojisim.NewStepClock(world.Now()), slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	if got := countPackages(t, server.URL); got < 63000 {
		t.Errorf("the first repo has %d packages, want about 63,436", got)
	}
	began = time.Now()
	world.Advance(world.Now().Add(24 * time.Hour))
	t.Logf("a day took %v, %d builds, %d tasks", time.Since(began), len(w.Builds), len(w.Tasks))
	if got := countPackages(t, server.URL); got < 63000 {
		t.Errorf("the next day's repo has %d packages, want about 63,436", got)
	}
}

func countPackages(t *testing.T, url string) int {
	t.Helper()
	began := time.Now()
	location := url + "/kojifiles/repos/" + BuildTagName + "/latest/x86_64"
	repo, err := repodata.Open(t.Context(), location, repodata.NewClient())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("repomd.xml after %v", time.Since(began))
	n := 0
	if err := repo.Packages(t.Context(), func(*rpm.Package) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d packages read after %v", n, time.Since(began))
	return n
}
