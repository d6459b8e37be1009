package repodata

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A slowBody sends so many bytes each time it has waited.
type slowBody struct {
	ctx   context.Context //nolint:containedctx // as that of a request
	bytes int
	wait  time.Duration
}

func (b *slowBody) Read(p []byte) (int, error) {
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-time.After(b.wait):
		return min(len(p), b.bytes), nil
	}
}

func (b *slowBody) Close() error { return nil }

// A server that sends hardly anything is given up, however it spreads it.
func TestLeastRate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		bytes   int
		wait    time.Duration
		late    string // "" if the file may come so
		atLeast time.Duration
		atMost  time.Duration
	}{
		{"silent", 1, 10 * time.Minute, "no data came for 1m0s", time.Minute, 61 * time.Second},
		{"drips", 1, 20 * time.Second, "3 bytes came in 1m0s, less than 65536 a second", time.Minute, 61 * time.Second},
		{"a little slow", 32 << 10, time.Second, "less than 65536 a second", 110 * time.Second, 130 * time.Second},
		{"fast enough", 80 << 10, time.Second, "", 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				body := &bodyReader{ctx: ctx, cancel: cancel, body: &slowBody{ctx, test.bytes, test.wait}, url: "https://example.com/x"}
				defer body.Close() //nolint:errcheck // it is a test's
				began := time.Now()
				var err error
				for n, all, buffer := 0, 0, make([]byte, 1<<20); err == nil && all < 40<<20; all += n {
					n, err = body.Read(buffer)
				}
				took := time.Since(began)
				if test.late == "" {
					if err != nil {
						t.Errorf("after %v: %v", took, err)
					}
					return
				}
				var unavailable *UnavailableError
				if !errors.As(err, &unavailable) || !strings.Contains(err.Error(), test.late) {
					t.Errorf("got %v, want %q", err, test.late)
				}
				if took < test.atLeast || took > test.atMost {
					t.Errorf("given up after %v, want %v to %v", took, test.atLeast, test.atMost)
				}
			})
		})
	}
}

// Who reads slowly is not the server's fault.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		body := &bodyReader{ctx: ctx, cancel: cancel, body: &slowBody{ctx, 1, time.Second}, url: "https://example.com/x"}
		defer body.Close() //nolint:errcheck // it is a test's
		for range 30 {
			if _, err := body.Read(make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
			<-time.After(10 * time.Minute)
		}
	})
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	files := http.FileServer(http.Dir(writeRepo(t, smallRepo(".gz"))))
	plain, secure := httptest.NewServer(files), httptest.NewTLSServer(files)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	port := plain.URL[strings.LastIndex(plain.URL, ":"):]
	to := map[string]string{"/here": plain.URL, "/there": "http://localhost" + port, "/down": "http://127.0.0.1" + port}
	redirect := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin, rest, _ := strings.Cut(r.URL.Path[1:], "/")
		http.Redirect(w, r, to["/"+begin]+"/"+rest, http.StatusFound)
	})
	front, secureFront := httptest.NewServer(redirect), httptest.NewTLSServer(redirect)
	t.Cleanup(front.Close)
	t.Cleanup(secureFront.Close)
	for _, test := range []struct {
		name, url string
		hosts     []string
		want      string // "" if it is followed
	}{
		{"same host", front.URL + "/here", nil, ""},
		{"other host", front.URL + "/there", nil, "another host, localhost"},
		{"other host that is allowed", front.URL + "/there", []string{"localhost"}, ""},
		{"other host where any is allowed", front.URL + "/there", []string{"*"}, ""},
		{"from https to http", secureFront.URL + "/down", []string{"*"}, "from https to http"},
	} {
		client := NewClient(test.hosts...)
		if transport, ok := client.Transport.(*http.Transport); ok {
			if known, ok := secureFront.Client().Transport.(*http.Transport); ok {
				transport.TLSClientConfig = known.TLSClientConfig
			}
		}
		_, err := Open(t.Context(), test.url, client)
		client.CloseIdleConnections()
		var input *InputError
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (!errors.As(err, &input) || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// endless serves a repository whose repomd.xml says nothing of sizes and whose
// other files do not end. It tells how many bytes of them were taken.
func endless(t *testing.T, taken *int64) *httptest.Server {
	t.Helper()
	dir := writeRepo(t, smallRepo(".gz"), "<size>", "<x>", "</size>", "</x>", "<open-size>", "<x>", "</open-size>", "</x>")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "repomd.xml") {
			http.ServeFile(w, r, dir+"/repodata/repomd.xml")
			return
		}
		for zeros := make([]byte, 64<<10); ; {
			n, err := w.Write(zeros)
			*taken += int64(n)
			if err != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// A file without end fills no disk beyond what the cache may take.
func TestEndlessFile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what  string
		cache int64
		read  func(*Repo) error
		most  int64
	}{
		{"primary.xml", 1 << 20, func(r *Repo) error {
			return r.Packages(t.Context(), func(*rpm.Package) error { return nil })
		}, 1 << 20},
		{"comps.xml", 0, func(r *Repo) error {
			_, err := r.Groups(t.Context())
			return err
		}, maxComps},
	} {
		var taken int64
		server := endless(t, &taken)
		cache := newCache(t)
		cache.MaxBytes = test.cache
		repo, err := cache.Open(t.Context(), "k", server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if err := test.read(repo); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("longer than the %d bytes allowed", test.most)) {
			t.Errorf("%s: %v", test.what, err)
		}
		server.Close()
		const buffers = 16 << 20 // of the two sockets
		if taken > test.most+buffers {
			t.Errorf("%s: %d bytes were taken, want at most %d", test.what, taken, test.most)
		}
	}
}

// A file that is too long by what repomd.xml says is not even asked for.
func TestAnnouncedTooLong(t *testing.T) {
	t.Parallel()
	server := serve(t, writeRepo(t, smallRepo(".gz")))
	cache := newCache(t)
	repo, err := cache.Open(t.Context(), "k", server.URL)
	if err != nil {
		t.Fatal(err)
	}
	cache.MaxBytes = 10
	before := server.requests.Load()
	if err := repo.Packages(t.Context(), func(*rpm.Package) error { return nil }); err == nil || !strings.Contains(err.Error(), "more than the 10 allowed") {
		t.Error(err)
	}
	if n := server.requests.Load() - before; n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

// Koji's tags may have 256 characters, and a file system's names 255 bytes.
func TestLongKey(t *testing.T) {
	t.Parallel()
	server := serve(t, writeRepo(t, smallRepo(".gz")))
	cache := newCache(t)
	long := strings.Repeat("ü", 250)
	for _, key := range []string{long + "/1/x86_64", long + "/2/x86_64", long + "/1/x86_64"} {
		repo, err := cache.Open(t.Context(), key, server.URL)
		if err != nil {
			t.Fatal(err)
		}
		checkSmallRepo(t, repo)
	}
	if dirs, err := os.ReadDir(cache.Dir); err != nil || len(dirs) != 3 {
		t.Errorf("%v (%v), want a directory for each of two keys, and tmp", dirs, err)
	}
}

// How much packages may depend on is bounded, too.
func TestManyRelations(t *testing.T) {
	t.Parallel()
	p := &rpm.Package{Provides: make([]rpm.Relation, 3), Requires: make([]rpm.Relation, 2)}
	seen := 0
	f := (&Repo{Location: "here"}).atMost(12, func(*rpm.Package) error { seen++; return nil })
	if err := errors.Join(f(p), f(p)); err != nil || seen != 2 {
		t.Errorf("within the limit: %v, %d packages seen", err, seen)
	}
	if err := f(p); err == nil || seen != 2 {
		t.Errorf("beyond the limit: %v, %d packages seen", err, seen)
	}
}

// A cache whose place for unfinished files leads elsewhere removes nothing there.
func TestLinkedCache(t *testing.T) {
	t.Parallel()
	server := serve(t, writeRepo(t, smallRepo(".gz")))
	cache, elsewhere := newCache(t), t.TempDir()
	precious := elsewhere + "/precious"
	writeFile(t, precious, []byte("precious"))
	old := time.Now().Add(-2 * leftoverAge)
	if err := os.Chtimes(precious, old, old); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(cache.Dir, 0o755), os.Symlink(elsewhere, cache.Dir+"/tmp")); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Open(t.Context(), "k", server.URL); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("got %v, want it refused", err)
	}
	cache.removeLeftovers()
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}
