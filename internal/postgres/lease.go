package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A Lease is the right to be the only one who does something, for a term. The
// term of a later lease of the same name is greater.
type Lease struct {
	Name   string
	Holder string
	Term   int64
}

// fencedIdle is how long a transaction under a lease may do nothing. A process
// that was frozen in the middle of one loses it then, and with it the lock that
// would keep the next holder waiting.
const fencedIdle = 500 * time.Millisecond

// AcquireLease takes the lease of that name for ttl (real time) unless another
// holder has it, which is koschei.ErrLeased. A holder that acquires its own
// lease again begins a new term.
func (db *DB) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (Lease, error) {
	lease := Lease{Name: name, Holder: holder}
	// The first term of a name is later than any that was before, even if the
	// row was cleaned up meanwhile.
	err := db.pool.QueryRow(ctx, `
		INSERT INTO lease AS l (name, holder, term, expires)
		VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint, clock_timestamp() + $3::interval)
		ON CONFLICT (name) DO UPDATE
		SET holder = $2, term = l.term + 1, expires = clock_timestamp() + $3::interval, released = false
		WHERE l.expires <= clock_timestamp() OR l.holder = $2
		RETURNING term`, name, holder, ttl).Scan(&lease.Term)
	if errors.Is(err, pgx.ErrNoRows) {
		return Lease{}, fmt.Errorf("lease %s: %w", name, koschei.ErrLeased)
	}
	if err != nil {
		return Lease{}, fmt.Errorf("acquiring lease %s: %w", name, err)
	}
	return lease, nil
}

// RenewLease keeps the lease for another ttl from now. When somebody else has
// it, it is koschei.ErrLeased: the holder must stop.
func (db *DB) RenewLease(ctx context.Context, lease Lease, ttl time.Duration) error {
	tag, err := db.pool.Exec(ctx, `
		UPDATE lease
		SET expires = clock_timestamp() + $3::interval
		WHERE name = $1 AND term = $2`, lease.Name, lease.Term, ttl)
	if err != nil {
		return fmt.Errorf("renewing lease %s: %w", lease.Name, err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("lease %s: %w", lease.Name, koschei.ErrLeased)
	}
	return nil
}

// ReleaseLease lets the next holder in at once.
func (db *DB) ReleaseLease(ctx context.Context, lease Lease) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE lease
		SET expires = clock_timestamp(), released = true
		WHERE name = $1 AND term = $2`, lease.Name, lease.Term)
	if err != nil {
		return fmt.Errorf("releasing lease %s: %w", lease.Name, err)
	}
	return nil
}

// HoldLease makes sure that holder has a lease for another ttl: it renews the
// one held so far, or acquires it. It returns nil if somebody else has it.
func (db *DB) HoldLease(ctx context.Context, held *Lease, name, holder string, ttl time.Duration) (*Lease, error) {
	if held != nil {
		err := db.RenewLease(ctx, *held, ttl)
		if err == nil {
			return held, nil
		}
		if !errors.Is(err, koschei.ErrLeased) {
			return nil, err
		}
	}
	lease, err := db.AcquireLease(ctx, name, holder, ttl)
	if errors.Is(err, koschei.ErrLeased) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &lease, nil
}

// LeaseHeld says whether somebody has the lease of that name.
func (db *DB) LeaseHeld(ctx context.Context, name string) (bool, error) {
	var held bool
	err := db.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM lease WHERE name = $1 AND expires > clock_timestamp())`, name).Scan(&held)
	if err != nil {
		return false, fmt.Errorf("looking for the holder of lease %s: %w", name, err)
	}
	return held, nil
}

// Under returns the same record for work under a lease: every transaction that
// writes fails with koschei.ErrLeased, and has no effect, once somebody else
// has acquired it, whatever its holder believes. Nobody can acquire the lease
// between that check and the commit.
func (db *DB) Under(lease Lease) *DB {
	under := *db
	under.lease = &lease
	return &under
}

// fence locks the lease's term for tx, or finds it over. The holder's lock is
// shared, so that its transactions do not wait for each other.
func (l *Lease) fence(ctx context.Context, tx pgx.Tx) error {
	var current bool
	err := tx.QueryRow(ctx, `
		SELECT set_config('idle_in_transaction_session_timeout', $3, true) IS NOT NULL
		FROM lease
		WHERE name = $1 AND term = $2
		FOR SHARE`, l.Name, l.Term, fmt.Sprint(fencedIdle.Milliseconds())).Scan(&current)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("lease %s, term %d: %w", l.Name, l.Term, koschei.ErrLeased)
	}
	if err != nil {
		return fmt.Errorf("checking lease %s: %w", l.Name, err)
	}
	return nil
}
