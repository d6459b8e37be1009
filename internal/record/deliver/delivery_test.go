package deliver_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// sinks are those of a Sample, for tests of what they are told.
type sinks struct {
	*pgtest.Sample

	t *testing.T
}

func newSinks(t *testing.T) *sinks {
	t.Helper()
	return &sinks{Sample: pgtest.NewSample(t), t: t}
}

// add writes events about a collection, each in a transaction of its own.
func (w *sinks) add(kinds ...string) {
	w.t.Helper()
	for _, kind := range kinds {
		w.Exec(`INSERT INTO event (at, kind, collection_id, collection) VALUES ($2, $3, $1, 'f43')`, w.Collection, pgtest.SampleTime(), kind)
	}
}

// look hands a sink all events that are new to it, a delivery for each.
func (w *sinks) look(sink string) (kinds []string) {
	w.t.Helper()
	looked, err := w.DB.NewEvents(w.t.Context(), sink, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range looked {
		kinds = append(kinds, string(looked[i].Event.Kind))
		looked[i].Keys = []string{string(looked[i].Event.Kind)}
	}
	if err := w.DB.Deliver(w.t.Context(), sink, looked); err != nil {
		w.t.Fatal(err)
	}
	return kinds
}

func (w *sinks) openSink(name string) {
	w.t.Helper()
	if err := w.DB.OpenSink(w.t.Context(), name, pgtest.SampleTime()); err != nil {
		w.t.Fatal(err)
	}
}

// A sink hears what happened since it was created, each event once, also what a
// transaction commits late.
func TestNewEvents(t *testing.T) {
	t.Parallel()
	w := newSinks(t)
	w.add("long ago")
	w.openSink("bus")
	w.openSink("bus") // again, as each pass does
	w.add("one", "two")
	if diff := cmp.Diff([]string{"one", "two"}, w.look("bus")); diff != "" {
		t.Errorf("new (-want +got):\n%s", diff)
	}
	// A transaction that began before another and commits after it.
	tx, err := w.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const insert = `INSERT INTO event (at, kind, collection_id, collection) VALUES ($2, $3, $1, 'f43')`
	if _, err := tx.Exec(t.Context(), insert, w.Collection, pgtest.SampleTime(), "slow"); err != nil {
		t.Fatal(err)
	}
	w.add("fast")
	if diff := cmp.Diff([]string{"fast"}, w.look("bus")); diff != "" {
		t.Errorf("new beside an open transaction (-want +got):\n%s", diff)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"slow"}, w.look("bus")); diff != "" {
		t.Errorf("new once all is committed (-want +got):\n%s", diff)
	}
	w.openSink("mail")
	if got := w.look("mail"); len(got) != 0 {
		t.Errorf("a new sink is told of %v", got)
	}
}

// claim returns the keys of what is claimed.
func (w *sinks) claim(sink string, limit int, retry time.Duration) (keys []string, ids []int64) {
	w.t.Helper()
	claimed, err := w.DB.ClaimDeliveries(w.t.Context(), sink, limit, retry)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range claimed {
		keys, ids = append(keys, d.Key), append(ids, d.ID)
	}
	return keys, ids
}

// Deliveries about one subject leave one after the other; those about others do
// not wait for them. What was given up keeps nobody waiting.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	w := newSinks(t)
	w.openSink("bus")
	w.add("one", "two", "three")
	w.Exec(`INSERT INTO event (at, kind, collection_id, collection) SELECT at, 'other', collection_id, 'f44' FROM event WHERE kind = 'one'`)
	w.look("bus")
	keys, ids := w.claim("bus", 10, time.Hour)
	if diff := cmp.Diff([]string{"one", "other"}, keys); diff != "" {
		t.Fatalf("claimed (-want +got):\n%s", diff)
	}
	if keys, _ := w.claim("bus", 10, time.Hour); len(keys) != 0 {
		t.Errorf("claimed %v, want nothing before the first is told", keys)
	}
	failed := func(id int64, giveUp bool) {
		t.Helper()
		if err := w.DB.DeliveryFailed(t.Context(), id, koschei.ErrConflict, giveUp, 0); err != nil {
			t.Fatal(err)
		}
	}
	failed(ids[0], false)
	if keys, _ := w.claim("bus", 10, time.Hour); len(keys) != 0 {
		t.Errorf("claimed %v, want nothing before the first is tried again", keys)
	}
	failed(ids[0], true)
	failed(ids[1], true)
	if keys, ids = w.claim("bus", 10, time.Hour); len(keys) != 1 || keys[0] != "two" {
		t.Fatalf("claimed %v, want the second", keys)
	}
	if err := w.DB.DeliverySent(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	if keys, _ = w.claim("bus", 10, time.Hour); len(keys) != 1 || keys[0] != "three" {
		t.Errorf("claimed %v, want the third", keys)
	}
	stuck, err := w.DB.StuckSinks(t.Context(), time.Hour, pgtest.SampleTime())
	if err != nil || len(stuck) != 1 || stuck[0].Dead != 2 || stuck[0].Waiting != 1 || stuck[0].Error == "" {
		t.Errorf("stuck: %+v, %v", stuck, err)
	}
}

// A key is delivered once, whoever looks and how often.
func TestDeliveredOnce(t *testing.T) {
	t.Parallel()
	w := newSinks(t)
	w.openSink("bus")
	w.add("one")
	looked, err := w.DB.NewEvents(t.Context(), "bus", 10)
	if err != nil || len(looked) != 1 {
		t.Fatalf("%d events (%v), want 1", len(looked), err)
	}
	looked[0].Keys = []string{"alice", "bob"}
	for range 2 {
		if err := w.DB.Deliver(t.Context(), "bus", looked); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.Number(`SELECT count(*) FROM delivery`); n != 2 {
		t.Errorf("%d deliveries, want 2", n)
	}
}
