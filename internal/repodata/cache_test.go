package repodata

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A countingServer serves directories below its root and counts requests.
type countingServer struct {
	*httptest.Server
	requests atomic.Int32
}

func serve(t *testing.T, dir string) *countingServer {
	t.Helper()
	s := new(countingServer)
	files := http.FileServer(http.Dir(dir))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func newCache(t *testing.T) *Cache {
	t.Helper()
	client := NewClient()
	t.Cleanup(client.CloseIdleConnections)
	return &Cache{Dir: filepath.Join(t.TempDir(), "cache"), Client: client}
}

func TestCacheFetchesOnce(t *testing.T) {
	t.Parallel()
	server := serve(t, writeRepo(t, smallRepo(".gz")))
	cache := newCache(t)
	const key = "f43-build/1234/x86_64"
	repo, err := cache.Open(t.Context(), key, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if n := server.requests.Load(); n != 1 {
		t.Errorf("opening costs %d requests, want 1", n)
	}
	checkSmallRepo(t, repo)
	if n := server.requests.Load(); n != 4 {
		t.Errorf("opening and reading four files costs %d requests, want 4", n)
	}
	server.Close() // what is kept needs no server
	repo, err = cache.Open(t.Context(), key, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	checkSmallRepo(t, repo)
	if _, err := cache.Open(t.Context(), "another", server.URL); err == nil {
		t.Error("another key finds the same repository")
	}
}

func TestCacheKeepsNothingBad(t *testing.T) {
	t.Parallel()
	files := smallRepo(".gz")
	good := writeRepo(t, files)
	bad := writeRepo(t, files, "<size>", "<size>1")
	worse := writeRepo(t, files, "</repomd>", "")
	for _, dir := range []string{bad, worse} {
		server := serve(t, dir)
		cache := newCache(t)
		repo, err := cache.Open(t.Context(), "k", server.URL)
		if err == nil {
			err = repo.Packages(t.Context(), func(*rpm.Package) error { return nil })
		}
		var input *InputError
		if !errors.As(err, &input) || !strings.HasPrefix(err.Error(), server.URL) {
			t.Errorf("error %v, want an InputError that names the URL", err)
		}
		if left, _ := filepath.Glob(filepath.Join(cache.Dir, "*", "*primary*")); len(left) > 0 {
			t.Errorf("%v is kept", left)
		}
		if left, _ := os.ReadDir(filepath.Join(cache.Dir, "tmp")); len(left) > 0 {
			t.Errorf("%v is left in tmp", left)
		}
	}
	server := serve(t, good)
	cache := newCache(t)
	if _, err := cache.Open(t.Context(), "k", server.URL+"/none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one that is ErrNotExist", err)
	}
	if _, err := cache.Open(t.Context(), "k", server.URL); err != nil {
		t.Errorf("after an error of the server: %v", err)
	}
}

// TestCacheHealsItself damages what is kept: the reader is told, or does not
// even notice, and the next one gets a new copy.
func TestCacheHealsItself(t *testing.T) {
	t.Parallel()
	server := serve(t, writeRepo(t, smallRepo(".gz")))
	cache := newCache(t)
	open := func() *Repo {
		repo, err := cache.Open(t.Context(), "k", server.URL)
		if err != nil {
			t.Fatal(err)
		}
		return repo
	}
	checkSmallRepo(t, open())
	kept, err := filepath.Glob(filepath.Join(cache.Dir, "repo-k", "*primary.xml.gz"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept are %v, %v", kept, err)
	}
	packed, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, kept[0], packed[:10])
	checkSmallRepo(t, open())
	packed[len(packed)/2] ^= 0xff
	writeFile(t, kept[0], packed)
	if err := open().Packages(t.Context(), func(*rpm.Package) error { return nil }); err == nil {
		t.Error("a damaged copy is read without an error")
	}
	checkSmallRepo(t, open())
}

// TestCacheKeepsWhatReadersRefuse: it is not the copy's fault.
func TestCacheKeepsWhatReadersRefuse(t *testing.T) {
	t.Parallel()
	server := serve(t, writeRepo(t, smallRepo(".gz")))
	repo, err := newCache(t).Open(t.Context(), "k", server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		refused := &InputError{"mine", "no", nil}
		if err := repo.Packages(t.Context(), func(*rpm.Package) error { return refused }); !errors.Is(err, refused) {
			t.Errorf("error %v, want the reader's own", err)
		}
	}
	if n := server.requests.Load(); n != 2 {
		t.Errorf("%d requests, want 2: one for repomd.xml and one for primary.xml", n)
	}
}

func TestCacheEvictsLastUsed(t *testing.T) {
	t.Parallel()
	server := serve(t, writeRepo(t, smallRepo(".gz")))
	cache := newCache(t)
	old := time.Now().Add(-time.Hour)
	for i := range 4 {
		key := fmt.Sprint("k", i)
		repo, err := cache.Open(t.Context(), key, server.URL)
		if err != nil {
			t.Fatal(err)
		}
		checkSmallRepo(t, repo)
		used := old.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(cache.entryDir(key), used, used); err != nil {
			t.Fatal(err)
		}
	}
	repos, err := cache.kept()
	if err != nil || len(repos) != 4 {
		t.Fatalf("%d repositories are kept, %v", len(repos), err)
	}
	cache.MaxBytes = 2 * repos[0].size
	reader, err := cache.Open(t.Context(), "k0", server.URL) // the oldest, but used again now
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	repos, _ = cache.kept()
	for _, r := range repos {
		left = append(left, filepath.Base(r.dir))
	}
	if got := strings.Join(left, " "); got != "repo-k0 repo-k3" {
		t.Errorf("kept are %s, want repo-k0 repo-k3", got)
	}
	if err := cache.remove(cache.entryDir("k0")); err != nil {
		t.Fatal(err)
	}
	checkSmallRepo(t, reader) // fetches again what was evicted under its feet
}

// TestCacheIsShared has many readers at once, each with a Cache of its own as
// if in another process, and no room for two repositories.
func TestCacheIsShared(t *testing.T) {
	t.Parallel()
	server := serve(t, writeRepo(t, smallRepo(".gz")))
	shared := newCache(t)
	var readers sync.WaitGroup
	for i := range 16 {
		readers.Go(func() {
			cache := &Cache{Dir: shared.Dir, Client: shared.Client, MaxBytes: 2000}
			repo, err := cache.Open(t.Context(), fmt.Sprint("k", i%3), server.URL)
			if err != nil {
				t.Error(err)
				return
			}
			checkSmallRepo(t, repo)
		})
	}
	readers.Wait()
}
