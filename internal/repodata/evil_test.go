package repodata

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// An evilServer serves a good repository badly: the first part of the path says
// how.
func evilServer(t *testing.T) *httptest.Server {
	t.Helper()
	dir := writeRepo(t, smallRepo(".gz"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(rest)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		repomd := strings.HasSuffix(rest, "repomd.xml")
		switch kind {
		case "redirfile":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
			return
		case "redirloop":
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return
		case "html":
			content = []byte("<html><body>Maintenance</body></html>")
		case "headers":
			for range 200 {
				w.Header().Add("X-A", strings.Repeat("a", 1000))
			}
		case "wrongsum":
			if !repomd {
				content[len(content)-1] ^= 1
			}
		case "short":
			w.Header().Set("Content-Length", "1000000")
		case "truncated":
			content = content[:len(content)/2]
		case "endless":
			if repomd {
				break
			}
			for err == nil {
				_, err = w.Write(bytes.Repeat([]byte(" "), 1<<20))
			}
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	return server
}

// Whatever a server does costs one sentence and a moment, and nothing of it stays:
// the same repository can be read when the server serves it well.
func TestEvilServer(t *testing.T) {
	t.Parallel()
	server := evilServer(t)
	cache := &Cache{Dir: t.TempDir(), Client: NewClient()}
	read := func(kind string) (packages int, err error) {
		began := time.Now()
		repo, err := cache.Open(t.Context(), "the same", server.URL+"/"+kind)
		if err == nil {
			err = repo.Packages(t.Context(), func(*rpm.Package) error { packages++; return nil })
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s took %v", kind, took)
		}
		return packages, err
	}
	for kind, want := range map[string]string{
		"redirfile": "another host", "redirloop": "redirected 10 times", "html": "repomd.xml", "headers": "server response headers exceeded",
		"wrongsum": "checksum", "short": "unexpected EOF", "truncated": "repomd.xml", "endless": "longer than",
	} {
		_, err := read(kind)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
			t.Errorf("%s: %v, want a sentence with %q", kind, err, want)
		}
	}
	if n, err := read("good"); err != nil || n == 0 {
		t.Errorf("when it is served well: %d packages, %v", n, err)
	}
	left, _ := os.ReadDir(filepath.Join(cache.Dir, "tmp"))
	if len(left) > 0 {
		t.Errorf("%d files are left of what went wrong", len(left))
	}
}
