package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Each fact is an event, told once.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foo := w.pkg("foo")
	rules := koschei.DefaultPriorityRules()
	report := func(r record.BuildReport) {
		t.Helper()
		for range 2 { // what is heard again is no other fact
			if _, err := w.db.SaveBuildReport(t.Context(), r, rules, testTime); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := w.build(foo, koschei.OutcomeRunning)
	report(record.BuildReport{BuildID: first, Outcome: koschei.OutcomeFailed, Finished: testTime})
	second := w.build(foo, koschei.OutcomeRunning)
	report(record.BuildReport{BuildID: second, Outcome: koschei.OutcomeCanceled, Finished: testTime})
	c := &koschei.Collection{ID: w.collection}
	if _, err := w.db.AddRealBuilds(t.Context(), []record.RealBuild{{
		PackageID: foo, Hub: koschei.Primary, KojiBuildID: 7, Event: 100, EVR: rpm.EVR{Version: "2", Release: "1"},
		Started: testTime, Finished: testTime,
	}}, testTime); err != nil {
		t.Fatal(err)
	}
	tagged := []record.TaggedBuild{{Name: "foo", KojiBuildID: 8, Event: 90, EVR: rpm.EVR{Version: "1", Release: "1"}}}
	for range 2 {
		if _, err := w.db.SaveTagged(t.Context(), c, koschei.Primary, tagged, nil, 200, testTime); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"package state f43/foo untracked failing -",
		"build ended f43/foo running failed 1",
		"build ended f43/foo running canceled 2",
		"package state f43/foo failing ok -",
		"build ended f43/foo  complete 3",
		"untagged f43/foo   3",
		"package state f43/foo ok failing -",
	}
	got := w.lines(`
		SELECT format('%s %s/%s %s %s %s', kind, collection, package, before, after, coalesce(build_id::text, '-'))
		FROM event
		ORDER BY id`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// add writes events about a collection, each in a transaction of its own.
func (w *world) add(kinds ...string) {
	w.t.Helper()
	for _, kind := range kinds {
		w.exec(`INSERT INTO event (at, kind, collection_id, collection) VALUES ($2, $3, $1, 'f43')`, w.collection, testTime, kind)
	}
}

// look hands a sink all events that are new to it, a delivery for each.
func (w *world) look(sink string) (kinds []string) {
	w.t.Helper()
	looked, err := w.db.NewEvents(w.t.Context(), sink, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range looked {
		kinds = append(kinds, string(looked[i].Event.Kind))
		looked[i].Keys = []string{string(looked[i].Event.Kind)}
	}
	if err := w.db.Deliver(w.t.Context(), sink, looked); err != nil {
		w.t.Fatal(err)
	}
	return kinds
}

func (w *world) openSink(name string) {
	w.t.Helper()
	if err := w.db.OpenSink(w.t.Context(), name, testTime); err != nil {
		w.t.Fatal(err)
	}
}

// A sink hears what happened since it was created, each event once, also what a
// transaction commits late.
func TestNewEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("long ago")
	w.openSink("bus")
	w.openSink("bus") // again, as each pass does
	w.add("one", "two")
	if diff := cmp.Diff([]string{"one", "two"}, w.look("bus")); diff != "" {
		t.Errorf("new (-want +got):\n%s", diff)
	}
	// A transaction that began before another and commits after it.
	tx, err := w.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const insert = `INSERT INTO event (at, kind, collection_id, collection) VALUES ($2, $3, $1, 'f43')`
	if _, err := tx.Exec(t.Context(), insert, w.collection, testTime, "slow"); err != nil {
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
func (w *world) claim(sink string, limit int, retry time.Duration) (keys []string, ids []int64) {
	w.t.Helper()
	claimed, err := w.db.ClaimDeliveries(w.t.Context(), sink, limit, retry)
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
	w := newWorld(t)
	w.openSink("bus")
	w.add("one", "two", "three")
	w.exec(`INSERT INTO event (at, kind, collection_id, collection) SELECT at, 'other', collection_id, 'f44' FROM event WHERE kind = 'one'`)
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
		if err := w.db.DeliveryFailed(t.Context(), id, koschei.ErrConflict, giveUp); err != nil {
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
	if err := w.db.DeliverySent(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	if keys, _ = w.claim("bus", 10, time.Hour); len(keys) != 1 || keys[0] != "three" {
		t.Errorf("claimed %v, want the third", keys)
	}
	stuck, err := w.db.StuckSinks(t.Context(), time.Hour)
	if err != nil || len(stuck) != 1 || stuck[0].Dead != 2 || stuck[0].Waiting != 1 || stuck[0].Error == "" {
		t.Errorf("stuck: %+v, %v", stuck, err)
	}
}

// A key is delivered once, whoever looks and how often.
func TestDeliveredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openSink("bus")
	w.add("one")
	looked, err := w.db.NewEvents(t.Context(), "bus", 10)
	if err != nil || len(looked) != 1 {
		t.Fatalf("%d events (%v), want 1", len(looked), err)
	}
	looked[0].Keys = []string{"alice", "bob"}
	for range 2 {
		if err := w.db.Deliver(t.Context(), "bus", looked); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.number(`SELECT count(*) FROM delivery`); n != 2 {
		t.Errorf("%d deliveries, want 2", n)
	}
}
