package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A Holder names who holds leases: one service of one process.
type Holder string

// NewHolder names a process. Two processes have different names even if host
// and process id are the same, as they may be in two containers.
func NewHolder(host string, pid int) Holder {
	return Holder(fmt.Sprintf("%s/%d/%08x", host, pid, rand.Uint32()))
}

// For names a service of the process, so that the services of one process do
// not take each other's leases for their own.
func (h Holder) For(service koschei.Service) Holder { return h + "/" + Holder(service) }

// SchedulerLease is the lease of the one scheduler that submits builds. Who has
// it may also find out what became of submissions.
const SchedulerLease = string(koschei.ServiceScheduler)

// RepoResolverLeases is what the names of those leases begin with.
const RepoResolverLeases = string(koschei.ServiceRepoResolver) + "/" // with the id of a collection

// with the id of a collection

// RepoResolverLease is the lease of who resolves a collection's packages.
func RepoResolverLease(collectionID int64) string {
	return fmt.Sprint(RepoResolverLeases, collectionID)
}

// A lease is the right to be the only one who does something, for a term. The
// term of a later lease of the same name is greater.
type lease struct {
	name string
	term int64
}

// LeaseHeld says that somebody has a lease l. The clock of the server may be set
// back: a lease that would last for much longer than it was taken for was taken
// before that, and counts as run out.
const LeaseHeld = `(NOT l.released AND l.expires > clock_timestamp() AND l.expires <= clock_timestamp() + 2 * l.length)`

// fencedIdle is how long a transaction under a lease may do nothing. A process
// that was frozen in the middle of one loses it then, and with it the lock that
// would keep the next holder waiting.
const fencedIdle = 500 * time.Millisecond

// acquire takes the lease of that name for db's lease time (real time), or is
// koschei.ErrLeased if somebody has it. If again is set the holder may have it
// already; a new term begins then.
func (db *DB) acquire(ctx context.Context, name string, holder Holder, again bool) (lease, error) {
	l := lease{name: name}
	// The first term of a name is later than any that was before, even if the
	// row was cleaned up meanwhile.
	err := db.pool.QueryRow(ctx, `
		INSERT INTO lease AS l (name, holder, term, expires, length)
		VALUES (@name, @holder, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint, clock_timestamp() + @length::interval, @length)
		ON CONFLICT (name) DO UPDATE
		SET holder = @holder, term = l.term + 1, expires = clock_timestamp() + @length::interval, length = @length, released = false
		WHERE NOT `+LeaseHeld+` OR @again AND l.holder = @holder
		RETURNING term`, pgx.NamedArgs{"name": name, "holder": holder, "length": db.leaseTime, "again": again}).Scan(&l.term)
	if errors.Is(err, pgx.ErrNoRows) {
		return lease{}, fmt.Errorf("lease %s: %w", name, koschei.ErrLeased)
	}
	if err != nil {
		return lease{}, fmt.Errorf("acquiring lease %s: %w", name, err)
	}
	return l, nil
}

// renew keeps the lease for another lease time from now. When somebody else has
// it, it is koschei.ErrLeased: the holder must stop.
func (db *DB) renew(ctx context.Context, l lease) error {
	tag, err := db.pool.Exec(ctx, `
		UPDATE lease
		SET expires = clock_timestamp() + $3::interval, length = $3
		WHERE name = $1 AND term = $2`, l.name, l.term, db.leaseTime)
	if err != nil {
		return fmt.Errorf("renewing lease %s: %w", l.name, err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("lease %s: %w", l.name, koschei.ErrLeased)
	}
	return nil
}

// release lets the next holder in at once.
func (db *DB) release(ctx context.Context, l lease) error {
	return db.endLease(ctx, l.name, `name = $1 AND term = $2`, l.name, l.term)
}

// Release lets the next holder in at once if this one has the lease; see Keep.
func (db *DB) Release(ctx context.Context, name string, holder Holder) error {
	return db.endLease(ctx, name, `name = $1 AND holder = $2`, name, holder)
}

// endLease does its work even if ctx has ended: that is when leases are released.
func (db *DB) endLease(ctx context.Context, name, which string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.leaseTime)
	defer cancel()
	_, err := db.pool.Exec(ctx, `
		UPDATE lease
		SET expires = clock_timestamp(), released = true
		WHERE NOT released AND `+which, args...)
	if err != nil {
		return fmt.Errorf("releasing lease %s: %w", name, err)
	}
	return nil
}

// LeaseHeld says whether somebody has the lease of that name.
func (db *DB) LeaseHeld(ctx context.Context, name string) (bool, error) {
	var held bool
	err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM lease l WHERE l.name = $1 AND `+LeaseHeld+`)`, name).Scan(&held)
	if err != nil {
		return false, fmt.Errorf("looking for the holder of lease %s: %w", name, err)
	}
	return held, nil
}

// fence locks the lease's term for tx, or finds it over. The holder's lock is
// shared, so that its transactions do not wait for each other.
func (l *lease) fence(ctx context.Context, tx pgx.Tx) error {
	var current bool
	err := tx.QueryRow(ctx, `
		SELECT set_config('idle_in_transaction_session_timeout', $3, true) IS NOT NULL
		FROM lease
		WHERE name = $1 AND term = $2
		FOR SHARE`, l.name, l.term, fmt.Sprint(fencedIdle.Milliseconds())).Scan(&current)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("lease %s, term %d: %w", l.name, l.term, koschei.ErrLeased)
	}
	if err != nil {
		return fmt.Errorf("checking lease %s: %w", l.name, err)
	}
	return nil
}

// DeadLeases returns the leases that ran out longer ago than after (real time)
// without having been released or taken over. Expires is negative.
func (db *DB) DeadLeases(ctx context.Context, after time.Duration) ([]LeaseStatus, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT name, holder, term, expires - clock_timestamp()
		FROM lease
		WHERE NOT released AND expires < clock_timestamp() - $1::interval
		ORDER BY name`, after)
	if err != nil {
		return nil, fmt.Errorf("looking for leases of the dead: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[LeaseStatus])
}

// A LeaseStatus is one lease that somebody holds.
type LeaseStatus struct {
	Name    string
	Holder  Holder
	Term    int64
	Expires time.Duration // from now, real time
}

// HeldLeases returns the leases that somebody holds now, by name.
func HeldLeases(ctx context.Context, q Querier) ([]LeaseStatus, error) {
	rows, err := q.Query(ctx, `
		SELECT l.name, l.holder, l.term, l.expires - clock_timestamp()
		FROM lease l
		WHERE `+LeaseHeld+`
		ORDER BY l.name`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[LeaseStatus])
}
