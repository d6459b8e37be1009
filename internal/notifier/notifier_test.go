package notifier_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// A sink remembers what it was sent and fails as it is told to.
type sink struct {
	name string
	fail func(d *koschei.Delivery) error

	mu   sync.Mutex
	sent []string
}

func (s *sink) Name() string { return s.name }

func (s *sink) Keys(e *koschei.Event) []string { return []string{strconv.FormatInt(e.ID, 10)} }

func (s *sink) Send(_ context.Context, d *koschei.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(d); err != nil {
			return err
		}
	}
	s.sent = append(s.sent, d.Event.Package+" "+d.Event.Before+"->"+d.Event.After)
	return nil
}

// track makes an event for each package.
func track(t *testing.T, db *pgtest.DB, names ...string) {
	t.Helper()
	author := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: noon}
	c := &koschei.Collection{
		Name: "f44", DisplayName: "Fedora 44", Target: "f44", DestTag: "f44", BuildTag: "f44-build", BuildGroup: "build",
		PriorityCoefficient: 1, Weight: 1,
	}
	if _, err := db.CreateCollection(t.Context(), author, c); err != nil {
		t.Fatal(err)
	}
	list := record.PackageListing{Names: names, Blocked: make([]bool, len(names))}
	if _, err := db.SavePackageList(t.Context(), c.ID, list, noon); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, err := db.TrackPackages(t.Context(), author, "f44", []string{name}, false); err != nil {
			t.Fatal(err)
		}
	}
}

// A sink that fails keeps no other waiting, and what it was given up for does
// not come again.
func TestPass(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	well := &sink{name: "well"}
	ill := &sink{name: "ill", fail: func(d *koschei.Delivery) error {
		if d.Event.Package == "bar" {
			return errors.Join(notifier.ErrGiveUp, errors.New("no such topic"))
		}
		return errors.New("connection refused")
	}}
	service := &notifier.Service{
		DB: db.Deliveries, Sinks: []notifier.Sink{ill, well}, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
	}
	pass := func() {
		t.Helper()
		if err := service.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	pass() // the sinks are there from now on
	track(t, db, "bar", "foo")
	pass()
	pass()
	want := []string{"bar untracked->unknown", "foo untracked->unknown"}
	if diff := cmp.Diff(want, well.sent); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	stuck, err := db.StuckSinks(t.Context(), time.Hour)
	if err != nil || len(stuck) != 1 {
		t.Fatalf("%d sinks are stuck (%v), want 1", len(stuck), err)
	}
	stuck[0].Oldest = 0
	wantStuck := maintain.StuckSink{Sink: "ill", Waiting: 1, Dead: 1, Error: "connection refused"}
	if diff := cmp.Diff(wantStuck, stuck[0]); diff != "" {
		t.Errorf("stuck (-want +got):\n%s", diff)
	}
}

// Several processes deliver everything once between them, in the order of each
// package.
func TestReplicas(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := &sink{name: "bus"}
	service := &notifier.Service{
		DB: db.Deliveries, Sinks: []notifier.Sink{s}, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
	}
	if err := service.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range 50 {
		names = append(names, "p"+strconv.Itoa(i))
	}
	track(t, db, names...)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := service.Pass(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := service.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, line := range s.sent {
		seen[line]++
	}
	for _, name := range names {
		if n := seen[name+" untracked->unknown"]; n != 1 {
			t.Errorf("%s was told %d times, want once", name, n)
		}
	}
}
