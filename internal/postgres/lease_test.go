package postgres_test

import (
	"errors"
	"strings"
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
	db := pgtest.New(t).PG
	first, err := db.Acquire(t.Context(), "scheduler", "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, holder := range []postgres.Holder{"a", "b"} {
		if _, err := db.Acquire(t.Context(), "scheduler", holder); !errors.Is(err, koschei.ErrLeased) {
			t.Errorf("%s beside a: %v, want ErrLeased", holder, err)
		}
	}
	if err := db.RenewLease(t.Context(), first); err != nil {
		t.Errorf("renewing: %v", err)
	}
	if err := db.ReleaseLease(t.Context(), first); err != nil {
		t.Error(err)
	}
	second, err := db.Acquire(t.Context(), "scheduler", "b")
	if err != nil || second.Term() <= first.Term() {
		t.Errorf("after the release: term %d after %d (%v), want a later one", second.Term(), first.Term(), err)
	}
	if err := db.RenewLease(t.Context(), first); !errors.Is(err, koschei.ErrLeased) {
		t.Errorf("renewing an old term: %v, want ErrLeased", err)
	}
	if err := db.ReleaseLease(t.Context(), first); err != nil { // an old term, no effect
		t.Error(err)
	}
	if held, err := db.LeaseHeld(t.Context(), "scheduler"); err != nil || !held {
		t.Errorf("b's lease is held: %v (%v)", held, err)
	}
}

// The clock of the server is set back: what was released is free at once, and
// so is what would last much longer than anybody takes a lease for.
func TestLeaseAndClock(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, sql := pgtest.Open(t, cfg).PG.Leasing(time.Minute), pgtest.NewConsole(t, cfg)
	for _, test := range []struct {
		name     string
		released bool
		ahead    time.Duration
		free     bool
	}{
		{"released before the clock was set back", true, time.Minute, true},
		{"not released", false, 110 * time.Second, false},
		{"not released, and the clock set back by an hour", false, time.Hour, true},
	} {
		if _, err := db.Acquire(t.Context(), test.name, "a"); err != nil {
			t.Fatal(err)
		}
		sql.Exec(`UPDATE lease SET released = $2, expires = clock_timestamp() + $3::interval WHERE name = $1`, test.name, test.released, test.ahead)
		if held, err := db.LeaseHeld(t.Context(), test.name); err != nil || held == test.free {
			t.Errorf("%s: held is %v (%v)", test.name, held, err)
		}
		// Who asks goes by how long the lease was taken for, not by his own.
		if _, err := db.Leasing(time.Second).Acquire(t.Context(), test.name, "b"); (err == nil) != test.free {
			t.Errorf("%s: somebody else gets %v", test.name, err)
		}
	}
}

func TestHolder(t *testing.T) {
	t.Parallel()
	one, other := postgres.NewHolder("container", 1), postgres.NewHolder("container", 1)
	if one == other {
		t.Errorf("two processes are both %s", one)
	}
	if got := one.For("scheduler"); !strings.HasPrefix(string(got), "container/1/") || !strings.HasSuffix(string(got), "/scheduler") {
		t.Errorf("its scheduler is %s", got)
	}
}

// Of many who want the lease at once one gets it.
func TestLeaseAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).PG
	var holders atomic.Int32
	var wg sync.WaitGroup
	for _, holder := range []postgres.Holder{"a", "b", "c", "d", "e", "f", "g", "h"} {
		wg.Go(func() {
			_, err := db.Acquire(t.Context(), "scheduler", holder)
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
func insertUser(t *testing.T, db *postgres.Fenced, name string) error {
	return db.Transact(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO users (name) VALUES ($1)`, name)
		return err
	})
}

func TestWritesUnderAnOldTermAreRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).PG
	old, err := db.Leasing(time.Millisecond).Acquire(t.Context(), "scheduler", "a")
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
func acquireSoon(t *testing.T, db *postgres.DB, name string, holder postgres.Holder) postgres.Lease {
	t.Helper()
	for {
		lease, err := db.Acquire(t.Context(), name, holder)
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
	frozen, other := pgtest.Open(t, cfg).PG, pgtest.Open(t, cfg).PG
	const ttl = 200 * time.Millisecond
	old, err := frozen.Leasing(ttl).Acquire(t.Context(), "scheduler", "frozen")
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
