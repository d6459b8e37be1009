package site_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/view"
)

// While the database is away pages say so, tell what is known, and when to ask
// again. That is no mistake of ours.
func TestOutage(t *testing.T) {
	t.Parallel()
	cfg, outage := pgtest.Breakable(seededConfig(t))
	b := browse(t, config(pgtest.Open(t, cfg).View))
	b.read("/")
	outage.Begin()
	for _, url := range []string{"/package/maven", "/build/1", "/groups", "/badge/f44/maven.svg", "/api/v1/packages?name=maven", "/readyz"} {
		w := b.get(url)
		if w.Code != http.StatusServiceUnavailable || url != "/readyz" && w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: status %d, Retry-After %q", url, w.Code, w.Header().Get("Retry-After"))
		}
	}
	text := plain(b.get("/package/maven").Body.String())
	for _, want := range []string{"the database does not answer", "How things stood", "Fedora Rawhide 124 9 1 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	if w := b.get("/livez"); w.Code != http.StatusOK {
		t.Errorf("/livez: %d", w.Code)
	}
	outage.End()
	b.read("/package/maven")
}

// A table that somebody has locked is said, and not waited for.
func TestLockedTable(t *testing.T) {
	t.Parallel()
	cfg := seededConfig(t)
	b := browse(t, config(pgtest.Open(t, cfg).View))
	pgtest.Locked(t, cfg, "build", func() {
		w := b.get("/package/maven")
		if text := plain(w.Body.String()); w.Code != http.StatusServiceUnavailable || !strings.Contains(text, "somebody holds a lock on a table") {
			t.Errorf("status %d: %s", w.Code, text)
		}
	})
	b.read("/package/maven")
}

// A slowReader asks something else of the record while an answer is written to it.
type slowReader struct {
	*httptest.ResponseRecorder
	t    *testing.T
	view *view.View
}

func (r *slowReader) Write(b []byte) (int, error) {
	if err := r.view.Ready(r.t.Context()); err != nil {
		r.t.Errorf("while an answer is written: %v", err)
	}
	return r.ResponseRecorder.Write(b)
}

var _ io.Writer = (*slowReader)(nil)

// Who reads an answer slowly keeps no connection to the database from others.
func TestAnswersHoldNoConnection(t *testing.T) {
	t.Parallel()
	cfg := seededConfig(t)
	cfg.MaxConns = 1
	db := pgtest.Open(t, cfg)
	b := browse(t, config(db.View))
	for _, url := range []string{"/api/v1/packages", "/api/v1/collections/diff/f43/f44", "/packages", "/status"} {
		w := &slowReader{httptest.NewRecorder(), t, db.View}
		b.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("%s: %d", url, w.Code)
		}
	}
}
