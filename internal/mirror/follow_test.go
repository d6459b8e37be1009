package mirror

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/asked"
)

// TestTaskWithoutRepo has a newRepo task close without naming a repo. That
// attempt has failed: another one is due later, and the tag is not left to a
// task that will never tell more.
func TestTaskWithoutRepo(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body, err := xmlrpc.AppendResponse(nil, []any{})
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	primary, err := koji.New(koji.Config{Server: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := &Mirror{Hubs: koji.Hubs{Primary: primary}, Log: slog.New(slog.DiscardHandler), Clock: koschei.Clock{Read: func() time.Time { return now }}}
	db := pgtest.New(t).Fenced(t).Fenced
	mapping := &asked.RepoMapping{RepoID: 3, BuildTag: "f44-build", Event: 100, Asked: now, TaskID: 7}
	if err := db.Hub.BeginRepoMapping(t.Context(), mapping); err != nil {
		t.Fatal(err)
	}
	if err := m.follow(t.Context(), db, mapping); err == nil {
		t.Error("no error")
	}
	open, done, err := db.Hub.RepoMappings(t.Context(), "f44-build")
	if err != nil || done != nil || open == nil {
		t.Fatalf("open %v, done %v, error %v", open, done, err)
	}
	if open.Failures != 1 || open.Retry == nil || !open.Retry.Equal(now.Add(firstRetry)) {
		t.Errorf("%d failures, another attempt at %v; want 1, %v", open.Failures, open.Retry, now.Add(firstRetry))
	}
}
