package postgres_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

func TestLease(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	first, err := db.AcquireLease(t.Context(), "scheduler", "a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.AcquireLease(t.Context(), "scheduler", "b", time.Hour); !errors.Is(err, koschei.ErrLeased) {
		t.Errorf("a second holder: %v, want ErrLeased", err)
	}
	if err := db.RenewLease(t.Context(), first, time.Hour); err != nil {
		t.Errorf("renewing: %v", err)
	}
	again, err := db.AcquireLease(t.Context(), "scheduler", "a", time.Hour)
	if err != nil || again.Term <= first.Term {
		t.Errorf("the holder, restarted, got term %d after %d (%v), want a later one", again.Term, first.Term, err)
	}
	if err := db.RenewLease(t.Context(), first, time.Hour); !errors.Is(err, koschei.ErrLeased) {
		t.Errorf("renewing an old term: %v, want ErrLeased", err)
	}
	if err := db.ReleaseLease(t.Context(), first); err != nil { // an old term, no effect
		t.Error(err)
	}
	if _, err := db.AcquireLease(t.Context(), "scheduler", "b", time.Hour); !errors.Is(err, koschei.ErrLeased) {
		t.Errorf("a second holder: %v, want ErrLeased", err)
	}
	if err := db.ReleaseLease(t.Context(), again); err != nil {
		t.Error(err)
	}
	second, err := db.AcquireLease(t.Context(), "scheduler", "b", time.Hour)
	if err != nil || second.Term <= again.Term {
		t.Errorf("after the release: term %d after %d (%v)", second.Term, again.Term, err)
	}
}

// Of many who want the lease at once one gets it.
func TestLeaseAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var holders atomic.Int32
	var wg sync.WaitGroup
	for _, holder := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		wg.Go(func() {
			_, err := db.AcquireLease(t.Context(), "scheduler", holder, time.Hour)
			if err == nil {
				holders.Add(1)
			} else if !errors.Is(err, koschei.ErrLeased) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if holders.Load() != 1 {
		t.Errorf("%d holders, want 1", holders.Load())
	}
}

// insertUser is any write.
func insertUser(t *testing.T, db *postgres.DB, name string) error {
	return db.Transact(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO users (name) VALUES ($1)`, name)
		return err
	})
}

func TestWritesUnderAnOldTermAreRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	old, err := db.AcquireLease(t.Context(), "scheduler", "a", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if err := insertUser(t, db.Under(old), "expired-but-nobody-else-came"); err != nil {
		t.Errorf("under the newest term: %v", err)
	}
	next := acquireSoon(t, db, "scheduler", "b")
	if err := insertUser(t, db.Under(old), "late"); !errors.Is(err, koschei.ErrLeased) {
		t.Errorf("under an old term: %v, want ErrLeased", err)
	}
	if err := insertUser(t, db.Under(next), "new"); err != nil {
		t.Errorf("under the new term: %v", err)
	}
}

// acquireSoon acquires a lease as soon as it is free.
func acquireSoon(t *testing.T, db *postgres.DB, name, holder string) postgres.Lease {
	t.Helper()
	for {
		lease, err := db.AcquireLease(t.Context(), name, holder, time.Hour)
		if err == nil {
			return lease
		}
		if !errors.Is(err, koschei.ErrLeased) {
			t.Fatal(err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// A holder that is frozen in the middle of a transaction does not keep others
// from the lease for long, and its transaction has no effect when it thaws.
func TestFrozenHolder(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	frozen, other := pgtest.Open(t, cfg), pgtest.Open(t, cfg)
	const ttl = 200 * time.Millisecond
	old, err := frozen.AcquireLease(t.Context(), "scheduler", "frozen", ttl)
	if err != nil {
		t.Fatal(err)
	}
	began, thaw, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- frozen.Under(old).Transact(t.Context(), func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `INSERT INTO users (name) VALUES ('frozen')`); err != nil {
				return err
			}
			close(began)
			<-thaw
			return nil
		})
	}()
	<-began
	acquireSoon(t, other, "scheduler", "other") // while the other's transaction is open
	close(thaw)
	if err := <-done; err == nil {
		t.Error("a transaction under an old term was committed")
	}
	var users int
	if err := pgtest.Connect(t, cfg).QueryRow(t.Context(), `SELECT count(*) FROM users`).Scan(&users); err != nil || users != 0 {
		t.Errorf("%d users (%v), want none", users, err)
	}
}
