package view_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/view"
)

// A change whose transaction commits late is told late, and is not passed over.
func TestChangesInOrder(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	note := func(tx pgx.Tx, name string) error {
		_, err := tx.Exec(t.Context(), `
			INSERT INTO state_change (collection_id, package_id, prev, curr, changed)
			SELECT collection_id, id, 'ok', 'failing', $2 FROM package WHERE name = $1`, name, pgtest.SampleTime())
		return err
	}
	for _, name := range []string{"early", "late", "last"} {
		w.Package(name)
	}
	var told []string
	var mark view.Mark
	look := func() {
		changes, err := w.DB.Timeline.After(t.Context(), nil, mark, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if mark = c.Mark; c.Package != "" && c.CollectionID == w.Collection {
				told = append(told, c.Package)
			}
		}
	}
	err := w.DB.PG.Transact(t.Context(), func(tx pgx.Tx) error {
		if err := note(tx, "late"); err != nil { // it has the lower id
			return err
		}
		if err := w.DB.PG.Transact(t.Context(), func(tx pgx.Tx) error { return note(tx, "early") }); err != nil {
			return err
		}
		look()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(told) > 0 {
		t.Errorf("%q is told while an older transaction is under way", told)
	}
	if err := w.DB.PG.Transact(t.Context(), func(tx pgx.Tx) error { return note(tx, "last") }); err != nil {
		t.Fatal(err)
	}
	want := []string{"late", "early", "last"}
	for began := time.Now(); len(told) < len(want) && time.Since(began) < time.Minute; <-time.After(10 * time.Millisecond) {
		look() // transactions of other tests may be older, too
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	changes, err := w.DB.Timeline.Last(t.Context(), 2)
	if err != nil || len(changes) != 2 || changes[0].Package != "early" || changes[1].Package != "last" || changes[1].Mark != mark {
		t.Errorf("the last two are %s, %v", fmt.Sprint(changes), err)
	}
}
