package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

func nothing(context.Context, *postgres.Fenced) error { return nil }

func TestAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).PG
	broken := errors.New("broken")
	err := db.Alone(t.Context(), "work", "first", func(ctx context.Context, _ *postgres.Fenced) error {
		for _, holder := range []postgres.Holder{"first", "second"} {
			if err := db.Alone(ctx, "work", holder, nothing); !errors.Is(err, koschei.ErrLeased) {
				t.Errorf("%s beside the first: %v, want ErrLeased", holder, err)
			}
		}
		if err := db.Alone(ctx, "other work", "second", nothing); err != nil {
			t.Errorf("other work: %v", err)
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the work", err)
	}
	if err := db.Alone(t.Context(), "work", "second", nothing); err != nil {
		t.Errorf("somebody else after the first: %v", err)
	}
}

// Who loses the lease meanwhile can write no more, and his context ends.
func TestAloneLosesTheLease(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, sql := pgtest.Open(t, cfg).PG.Leasing(100*time.Millisecond), pgtest.NewConsole(t, cfg)
	err := db.Alone(t.Context(), "work", "first", func(ctx context.Context, fenced *postgres.Fenced) error {
		sql.Exec(`UPDATE lease SET term = term + 1`)
		if err := insertUser(t, fenced, "late"); !errors.Is(err, koschei.ErrLeased) {
			t.Errorf("writing after the lease was lost: %v, want ErrLeased", err)
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if !errors.Is(err, koschei.ErrLeased) {
		t.Errorf("the work ended with %v, want ErrLeased", err)
	}
}

// Between its passes a holder keeps what it keeps, until it releases it or it
// runs out.
func TestKeep(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, sql := pgtest.Open(t, cfg).PG, pgtest.NewConsole(t, cfg)
	try := func(what string, holder postgres.Holder, want bool) {
		t.Helper()
		worked := false
		held, err := db.Keep(t.Context(), "work", holder, func(context.Context, *postgres.Fenced) error { worked = true; return nil })
		if err != nil || held != want || worked != want {
			t.Errorf("%s: %s has the lease %v and worked %v (%v), want %v", what, holder, held, worked, err, want)
		}
	}
	try("at first", "one", true)
	try("between passes", "other", false)
	if err := db.Alone(t.Context(), "work", "other", nothing); !errors.Is(err, koschei.ErrLeased) {
		t.Errorf("alone between passes: %v, want ErrLeased", err)
	}
	try("the next pass", "one", true)
	if err := db.Release(t.Context(), "work", "other"); err != nil { // which it does not have
		t.Error(err)
	}
	try("after somebody else's release", "other", false)
	over, end := context.WithCancel(t.Context())
	end()
	if err := db.Release(over, "work", "one"); err != nil {
		t.Errorf("a release in the end: %v", err)
	}
	try("after the release", "other", true)
	sql.Exec(`UPDATE lease SET expires = clock_timestamp()`)
	try("after it ran out", "one", true)
	broken := errors.New("broken")
	held, err := db.Keep(t.Context(), "work", "one", func(context.Context, *postgres.Fenced) error { return broken })
	if !held || !errors.Is(err, broken) {
		t.Errorf("of work that fails: %v, %v", held, err)
	}
	try("after work that failed", "other", false)
}
