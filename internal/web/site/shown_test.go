package site_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// A page is shown as it was until something changes that it tells of, whoever
// changed it, and then not once more.
func TestShownUntilChanged(t *testing.T) {
	t.Parallel()
	cfg := seededConfig(t)
	db := pgtest.Open(t, cfg)
	listener := db.PG.NewListener(koschei.ServiceFrontend)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); listener.Run(ctx, func(err error) { t.Error(err) }) }()
	t.Cleanup(func() { stop(); <-done })
	c := config(db.View)
	alarm := listener.Alarm(koschei.ServiceFrontend)
	c.Changes = alarm
	b := browse(t, c)
	eventually(t, "the listener hears", alarm.Hearing)

	tag := func(url string) string { return b.get(url).Header().Get("ETag") }
	const ant, other = "/package/ant?collection=f44", "/package/perl-005?collection=f43"
	before, otherBefore := tag(ant), tag(other)
	if before == "" || tag(ant) != before {
		t.Fatalf("tags %q and %q of a page that did not change", before, tag(ant))
	}
	ask := func(url, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		return w
	}
	if w := ask(ant, before); w.Code != http.StatusNotModified || w.Body.Len() > 0 || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("asked again: status %d, %d bytes, headers %v", w.Code, w.Body.Len(), w.Header())
	}
	for what, touch := range touchesOfAnt(t, cfg) {
		touch()
		was := before
		eventually(t, what+" changed", func() bool { before = tag(ant); return before != was })
	}
	if now := tag(other); now != otherBefore {
		t.Errorf("a page of another collection was made again: %s, was %s", now, otherBefore)
	}
	joinGroup(t, cfg, "perl-005")
	eventually(t, "a group changed", func() bool { return tag(other) != otherBefore })
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for range 1000 {
		if so() {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
	t.Fatalf("%s: not seen", what)
}

// Where nobody tells what changes, nothing is shown a second time.
func TestNothingKeptUnheard(t *testing.T) {
	t.Parallel()
	cfg := seededConfig(t)
	b := browse(t, config(pgtest.Open(t, cfg).View))
	before := b.get("/package/ant").Header().Get("ETag")
	touchesOfAnt(t, cfg)["a package"]()
	if now := b.get("/package/ant").Header().Get("ETag"); now == before {
		t.Error("a page was shown as it was before")
	}
}

// Those who ask the same at once share one reading, and those who do not take it
// compressed get it all the same.
func TestSharedReading(t *testing.T) {
	t.Parallel()
	c := config(seeded(t).View)
	c.Changes = silence{}
	server, err := site.New(c, true)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/package/maven", nil)
			if i%2 == 0 {
				r.Header.Set("Accept-Encoding", "gzip;q=0, br")
			} else {
				r.Header.Set("Accept-Encoding", "br, gzip")
			}
			w := httptest.NewRecorder()
			server.ServeHTTP(w, r)
			plainly := strings.Contains(w.Body.String(), "Package summary") || strings.Contains(w.Body.String(), "<h1>maven</h1>")
			if w.Code != http.StatusOK || plainly != (i%2 == 0) || (w.Header().Get("Content-Encoding") == "gzip") == (i%2 == 0) {
				t.Errorf("request %d: status %d, encoding %q, readable %v", i, w.Code, w.Header().Get("Content-Encoding"), plainly)
			}
		})
	}
	group.Wait()
}

// A page takes the same number of statements whatever is on it.
func TestStatementsOfPages(t *testing.T) {
	t.Parallel()
	cfg := seededConfig(t)
	traced, statements := pgtest.Counting(cfg)
	b := browse(t, config(pgtest.Open(t, traced).View))
	b.get("/package/maven") // what surrounds pages, and the names of packages
	b.get("/build/4")
	for what, tt := range map[string]struct {
		most  int64
		pages []string
	}{
		"package": {13, []string{"/package/maven", "/package/maven?collection=f43", "/package/ant", "/package/gtk%2B", "/package/perl-005", "/package/rust-ripgrep"}},
		"build":   {9, []string{"/build/4", "/build/2", "/build/1", "/compare?a=2&b=4", "/compare?a=4&b=now"}},
	} {
		for _, url := range tt.pages {
			before := statements.Count()
			if w := b.get(url); w.Code != http.StatusOK {
				t.Errorf("%s: status %d", url, w.Code)
			}
			if n := statements.Count() - before; n > tt.most {
				t.Errorf("%s %s takes %d statements, at most %d are allowed", what, url, n, tt.most)
			}
		}
	}
}
