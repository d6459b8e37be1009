package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/koschei-ci/koschei/internal/depset"
)

// What the tests, which live outside the package to use pgtest, see of it.

func NewestMigration() int64 { return newestMigration() }

func (db *DB) Transact(ctx context.Context, f func(tx pgx.Tx) error) error {
	return db.transact(ctx, f)
}

func (db *DB) StoreSets(ctx context.Context, sets []depset.Set) (ids []int64, err error) {
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if err := lockInterned(ctx, tx); err != nil {
			return err
		}
		ids, err = db.storeSets(ctx, tx, sets)
		return err
	})
	return ids, err
}

// Leases without the work that is done under them.

type Lease = lease

func (l lease) Term() int64 { return l.term }

func (db *DB) Acquire(ctx context.Context, name string, holder Holder) (Lease, error) {
	return db.acquire(ctx, name, holder, false)
}

func (db *DB) RenewLease(ctx context.Context, l Lease) error { return db.renew(ctx, l) }

func (db *DB) ReleaseLease(ctx context.Context, l Lease) error { return db.release(ctx, l) }

func (db *DB) Under(l Lease) *Fenced { return db.under(l) }

// RefreshLastBuilds does for all packages of a collection what writers of
// builds do for those they touch.
func (db *DB) RefreshLastBuilds(ctx context.Context, collection string, now time.Time) error {
	return db.transact(ctx, func(tx pgx.Tx) error {
		ids, err := lockNamedPackages(ctx, tx, collection, nil, true)
		if err != nil {
			return err
		}
		if err := refreshLastBuilds(ctx, tx, ids); err != nil {
			return err
		}
		return noteStates(ctx, tx, ids, now)
	})
}

// RefreshBuildsOf is refreshLastBuilds in a transaction of its own.
func (db *DB) RefreshBuildsOf(ctx context.Context, packageIDs []int64) error {
	return db.transact(ctx, func(tx pgx.Tx) error { return refreshLastBuilds(ctx, tx, packageIDs) })
}

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

// Retagged looks for builds that do not follow the tagged ones; see SaveTagged.
const Retagged = retagged
