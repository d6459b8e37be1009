package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

func TestAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	nothing := func(context.Context, *postgres.DB) error { return nil }
	broken := errors.New("broken")
	err := db.Alone(t.Context(), "work", "first", func(ctx context.Context, _ *postgres.DB) error {
		if err := db.Alone(ctx, "work", "second", nothing); !errors.Is(err, koschei.ErrLeased) {
			t.Errorf("somebody else beside the first: %v, want ErrLeased", err)
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

	// Who loses the lease meanwhile can write no more.
	err = db.Alone(t.Context(), "work", "first", func(ctx context.Context, under *postgres.DB) error {
		if _, err := db.AcquireLease(ctx, "work", "first", 0); err != nil {
			t.Fatal(err)
		}
		_, err := under.Intern(ctx, nevras(1, "1"))
		return err
	})
	if !errors.Is(err, koschei.ErrLeased) {
		t.Errorf("writing after the lease was lost: %v, want ErrLeased", err)
	}
}
