package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
)

// What the tests, which live outside the package to use pgtest, see of it.

func NewestMigration() int64 { return newestMigration() }

// Leases without the work that is done under them.

type Lease = lease

func (l lease) Term() int64 { return l.term }

func (db *DB) Acquire(ctx context.Context, name string, holder Holder) (Lease, error) {
	return db.acquire(ctx, name, holder, false)
}

func (db *DB) RenewLease(ctx context.Context, l Lease) error { return db.renew(ctx, l) }

func (db *DB) ReleaseLease(ctx context.Context, l Lease) error { return db.release(ctx, l) }

func (db *DB) Under(l Lease) *Fenced { return db.under(l) }

// CheckEvery makes a listener ask more often whether its connection is one.
func (l *Listener) CheckEvery(silence time.Duration) { l.check = silence }

// Ring is what a notification with that payload does.
func (a *Alarm) Ring(payload string) { a.ring(payload) }

// MigrateTo runs the migrations up to one.
func (db *DB) MigrateTo(ctx context.Context, version int64) error {
	return db.withGoose(func(p *goose.Provider) error {
		_, err := p.UpTo(ctx, version)
		return err
	})
}

// OpenWithin is Open with other bounds: for a connection, a statement, a lock.
func OpenWithin(ctx context.Context, cfg *pgxpool.Config, connection, statement, lock time.Duration) (*DB, error) {
	return open(ctx, cfg, bounds{connection, statement, lock}, "")
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.Ping(ctx) }
