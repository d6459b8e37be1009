package polling

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

const world = `
-- world --
user koschei password=secret
tag f40
tag f40-build arches=x86_64 parents=f40
package foo tag=f40
build foo-1-1 tag=f40
 requires foo
 binary foo
`

// TestPass polls two collections, the first of which has no tag at the hub.
func TestPass(t *testing.T) {
	t.Parallel()
	w, err := kojisim.ParseWorld([]byte(world), 1)
	if err != nil {
		t.Fatal(err)
	}
	clock := kojisim.NewStepClock(w.Now())
	log := slog.New(slog.DiscardHandler)
	hub := kojisim.NewHub(w, clock, log)
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	client, err := koji.New(koji.Config{Server: server.URL + "/kojihub", Retry: koji.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := pgtest.Database(t)
	db, sql := pgtest.Open(t, cfg), pgtest.NewConsole(t, cfg)
	sql.Exec(`
		INSERT INTO collection (name, display_name, "order", target, dest_tag, build_tag)
		VALUES ('gone', 'Gone', 900, 'gone', 'gone', 'gone-build'), ('f40', 'Fedora 40', 1, 'f40', 'f40', 'f40-build')`)
	s := &Service{DB: db, Log: log, Sync: &kojisync.Sync{
		DB: db, Primary: client, Log: log, Now: clock.Now, Rules: koschei.DefaultPriorityRules(),
	}}
	for range 2 {
		err = s.pass(t.Context())
		if err == nil || !strings.Contains(err.Error(), "collection gone: ") || strings.Contains(err.Error(), "collection f40: ") {
			t.Errorf("error %v, want one about collection gone alone", err)
		}
	}
	got := sql.Lines(`
		SELECT concat_ws(' ', c.name, p.name, b.origin, b.version, s.build_requires)
		FROM build b JOIN package p ON p.id = b.package_id JOIN collection c ON c.id = p.collection_id
		LEFT JOIN srpm s ON s.name = p.name AND s.version = b.version`)
	if diff := cmp.Diff([]string{"f40 foo real 1 {foo}"}, got); diff != "" {
		t.Errorf("builds with the BuildRequires of their sources (-want +got):\n%s", diff)
	}

	hub.SetFaults(kojisim.Faults{Offline: "maintenance"})
	if err := s.pass(t.Context()); err == nil || !strings.Contains(err.Error(), "collection f40: ") {
		t.Errorf("error %v while the hub is away, want one about each collection", err)
	}
	hub.SetFaults(kojisim.Faults{})
	sql.Exec(`DELETE FROM collection WHERE name = 'gone'`)
	if err := s.pass(t.Context()); err != nil {
		t.Errorf("error %v without the collection that is gone", err)
	}
}

// TestRun runs the service in its loop until it has been through once.
func TestRun(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	log := slog.New(slog.DiscardHandler)
	client, err := koji.New(koji.Config{Server: "http://127.0.0.1:1/kojihub", Retry: koji.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{DB: db, Log: log, Sync: &kojisync.Sync{DB: db, Primary: client, Log: log, Now: time.Now}}
	l := &loop.Loop{Name: "polling", Interval: time.Millisecond, Log: log}
	done := make(chan struct{})
	wake := make(chan struct{})
	l.Wake = wake
	ctx, cancel := context.WithCancel(t.Context())
	go func() { defer close(done); s.Run(ctx, l) }()
	wake <- struct{}{} // taken only between two passes
	cancel()
	<-done
	if l.LastSuccess().IsZero() {
		t.Error("no pass ended well, although there was nothing to ask for")
	}
}
