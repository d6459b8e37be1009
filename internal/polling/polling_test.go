package polling

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
)

const world = `
user koschei password=secret
tag f40
tag f40-build arches=x86_64 parents=f40
package foo tag=f40
build foo-1-1 tag=f40
 requires foo
 binary foo
`

// A fixture is a service with a hub and a record of its own.
type fixture struct {
	*Service
	stage *scenario.Stage
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	stage := scenario.New(t, scenario.World(t, world), scenario.Empty(), scenario.As("", ""))
	return &fixture{stage: stage, Service: &Service{DB: stage.Sync.DB, Log: stage.Sync.Log, Sync: stage.Sync}}
}

// TestPass polls two collections, the first of which has no tag at the hub.
func TestPass(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.stage.Collection("gone", pgtest.Order(900))
	f.stage.Collection("f40", pgtest.Order(1))
	for range 2 {
		err := f.pass(t.Context())
		if err == nil || !strings.Contains(err.Error(), "collection gone: ") || strings.Contains(err.Error(), "collection f40: ") {
			t.Errorf("error %v, want one about collection gone alone", err)
		}
	}
	var got []string
	for _, b := range f.stage.Builds() {
		got = append(got, fmt.Sprintf("%s %s %s %s", b.Collection, b.Package, b.Origin, b.Version))
	}
	for _, s := range f.stage.SRPMs() {
		got = append(got, fmt.Sprintf("%s %s requires %v", s.Name, s.Version, s.BuildRequires))
	}
	if diff := cmp.Diff([]string{"f40 foo real 1", "foo 1 requires [foo]"}, got); diff != "" {
		t.Errorf("builds and sources (-want +got):\n%s", diff)
	}

	f.stage.Hub.SetFaults(kojihub.Faults{Offline: "maintenance"})
	if err := f.pass(t.Context()); err == nil || !strings.Contains(err.Error(), "collection f40: ") {
		t.Errorf("error %v while the hub is away, want one about each collection", err)
	}
	f.stage.Hub.SetFaults(kojihub.Faults{})
	f.stage.RemoveCollection("gone")
	if err := f.pass(t.Context()); err != nil {
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
	s := &Service{DB: db.Record, Log: log, Sync: kojisync.New(db.Record, koji.Hubs{Primary: client}, koschei.Clock{}, koschei.PriorityRules{}, log)}
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

// TestWoken wakes the service for single collections, for all, and for one
// when all have waited for long.
func TestWoken(t *testing.T) {
	t.Parallel()
	start := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		at   time.Duration
		ids  []int64
		all  bool
		want []int64 // nil for all
	}{
		{"the first pass", 0, []int64{1}, false, nil},
		{"woken for some", time.Minute, []int64{1, 3}, false, []int64{1, 3}},
		{"woken for any", 2 * time.Minute, nil, true, nil},
		{"the interval is over", 12 * time.Minute, nil, false, nil},
		{"woken soon after it", 13 * time.Minute, []int64{2}, false, []int64{2}},
		{"woken as long after it", 22 * time.Minute, []int64{2}, false, nil},
	}
	var now time.Time
	var ids []int64
	var all bool
	s := &Service{
		Sync:     &kojisync.Sync{Clock: koschei.Clock{Read: func() time.Time { return now }}},
		Rung:     func() ([]int64, bool) { return ids, all },
		interval: 10 * time.Minute,
	}
	for _, test := range tests {
		now, ids, all = start.Add(test.at), test.ids, test.all
		if diff := cmp.Diff(test.want, s.only()); diff != "" {
			t.Errorf("%s: collections polled (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestPassForSome polls the collections it was woken for and no others.
func TestPassForSome(t *testing.T) {
	t.Parallel()
	w := pgtest.NewWorld(t)
	db := w.Open()
	w.Collection("a", pgtest.Order(1))
	b := w.Collection("b", pgtest.Order(2))
	log := slog.New(slog.DiscardHandler)
	client, err := koji.New(koji.Config{Server: "http://127.0.0.1:1/kojihub", Retry: koji.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{
		DB: db.Record, Log: log, interval: time.Hour, polled: time.Now(),
		Sync: kojisync.New(db.Record, koji.Hubs{Primary: client}, koschei.Clock{}, koschei.PriorityRules{}, log),
		Rung: func() ([]int64, bool) { return []int64{b}, false },
	}
	err = s.pass(t.Context())
	if err == nil || !strings.Contains(err.Error(), "collection b: ") || strings.Contains(err.Error(), "collection a: ") {
		t.Errorf("error %v without a hub, want one about collection b alone", err)
	}
}

// TestSourceFacts looks for the sources of builds that the watcher recorded,
// when those of all builds are known.
func TestSourceFacts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.stage.Collection("f40")
	c, err := f.DB.Collection(t.Context(), "f40")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"2", "3", "4", "5"} {
		if err := f.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := worldtext.Amend(f.stage.Hub, "build foo-"+version+"-1 tag=f40\n requires bar"); err != nil {
			t.Fatal(err)
		}
		builds, err := f.stage.Sync.Primary.ListTagged(t.Context(), koji.TagQuery{Tag: "f40", Latest: true})
		if err != nil {
			t.Fatal(err)
		}
		if recorded, err := f.Sync.RecordTagged(t.Context(), c, &builds[0]); err != nil || !recorded {
			t.Fatalf("recorded %t, %v", recorded, err)
		}
		if err := f.sourceFacts(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		known := f.stage.SRPMsOf("foo")
		if n := slices.IndexFunc(known, func(s pgtest.SRPM) bool { return s.Version == version }); n < 0 {
			t.Errorf("facts of foo-%s-1 are not stored", version)
		}
	}
}
