package maintain

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A Stuck is what a check found in one collection.
type Stuck struct {
	CollectionID int64
	Collection   string
	Count        int       // of packages or builds
	Oldest       time.Time // since when the first of them has waited; zero if that is not known
	Examples     []string  // names of packages, the first few
}

// stuckColumns group rows that have collection_id, name and at.
const stuckColumns = `
	SELECT x.collection_id, c.name, count(*), min(x.at), (array_agg(x.name ORDER BY x.at, x.name))[1:3]
	FROM x
	JOIN collection c ON c.id = x.collection_id
	GROUP BY x.collection_id, c.name
	ORDER BY c.name`

func scanStuck(row pgx.CollectableRow) (s Stuck, err error) {
	var oldest *time.Time
	err = row.Scan(&s.CollectionID, &s.Collection, &s.Count, &oldest, &s.Examples)
	s.Oldest = postgres.OrZero(oldest)
	return s, err
}

// stuck runs a statement that only looks.
func (mt *Maintenance) stuck(ctx context.Context, what, sql string, args ...any) ([]Stuck, error) {
	rows, err := mt.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", what, err)
	}
	found, err := pgx.CollectRows(rows, scanStuck)
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", what, err)
	}
	return found, nil
}

// repaired runs a statement that also mends what it finds.
func (mt *Maintenance) repaired(ctx context.Context, what, sql string, args ...any) (mended []Stuck, err error) {
	err = mt.db.Transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		mended, err = pgx.CollectRows(rows, scanStuck)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("mending %s: %w", what, err)
	}
	return mended, nil
}

// StuckSubmissions finds builds that were written down before a time and of
// which it is not known that the hub has them.
func (mt *Maintenance) StuckSubmissions(ctx context.Context, before time.Time) ([]Stuck, error) {
	return mt.stuckAs(ctx, "submissions left open", koschei.OutcomeSubmitting, before)
}

// StuckBuilds finds builds that started before a time and still run.
func (mt *Maintenance) StuckBuilds(ctx context.Context, before time.Time) ([]Stuck, error) {
	return mt.stuckAs(ctx, "builds that run for too long", koschei.OutcomeRunning, before)
}

// stuckAs finds builds that started before a time and still have outcome, which is
// submitting or running: the index build_running is of those, and PostgreSQL uses
// it only if the statement says so.
func (mt *Maintenance) stuckAs(ctx context.Context, what string, outcome koschei.Outcome, before time.Time) ([]Stuck, error) {
	return mt.stuck(ctx, what, `
		WITH x AS (
			SELECT p.collection_id, p.name, b.started AS at
			FROM build b
			JOIN package p ON p.id = b.package_id
			WHERE b.outcome IN ('submitting', 'running') AND b.outcome = $1 AND b.started < $2
		)`+stuckColumns, outcome, before)
}

// A Waiting is a package or build that waits for a service.
type Waiting struct {
	ID           int64
	CollectionID int64
	Collection   string
	Name         string // of the package
}

func (mt *Maintenance) waiting(ctx context.Context, what, sql string, limit int) ([]Waiting, error) {
	rows, err := mt.db.Query(ctx, sql, limit)
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", what, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Waiting])
}

// WaitingDependencies returns at most limit builds that have ended and of which
// it was not found out what they were made with, although what is needed for
// that is known, by id.
func (mt *Maintenance) WaitingDependencies(ctx context.Context, limit int) ([]Waiting, error) {
	return mt.waiting(ctx, "builds without dependencies", `
		SELECT b.id, c.id, c.name, p.name
		FROM build b
		JOIN package p ON p.id = b.package_id
		JOIN collection c ON c.id = p.collection_id
		JOIN srpm s ON s.hub = `+schema.SourceHub+` AND s.name = p.name AND s.version = b.version AND s.release = b.release
		WHERE b.deps = 'pending' AND b.repo_id IS NOT NULL AND b.finished IS NOT NULL
		ORDER BY b.id
		LIMIT $1`, limit)
}

// MendDependencies gives up finding out what builds were made with that ended
// before a time and whose repo is not known: nobody would ever look for it.
func (mt *Fenced) MendDependencies(ctx context.Context, before time.Time) ([]Stuck, error) {
	return mt.repaired(ctx, "builds whose repo is not known", `
		WITH found AS (
			SELECT b.id
			FROM build b
			WHERE b.deps = 'pending' AND b.repo_id IS NULL AND b.finished < $1
			FOR NO KEY UPDATE SKIP LOCKED
		), mended AS (
			UPDATE build b
			SET deps = 'unavailable'
			FROM found
			WHERE b.id = found.id
			RETURNING b.package_id, b.finished AS at
		), x AS (
			SELECT p.collection_id, p.name, m.at
			FROM mended m
			JOIN package p ON p.id = m.package_id
		)`+stuckColumns, before)
}

// WaitingSources returns at most limit packages that cannot be resolved because
// nothing is known of their source packages, although there are some, by id.
func (mt *Maintenance) WaitingSources(ctx context.Context, limit int) ([]Waiting, error) {
	return mt.waiting(ctx, "source packages that nothing is known of", `
		SELECT p.id, c.id, c.name, p.name
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		JOIN build b ON b.id = p.last_complete_build_id
		WHERE `+schema.Eligible+` AND `+schema.Due+`
			AND NOT EXISTS (
				SELECT FROM srpm s
				WHERE s.hub = `+schema.SourceHub+` AND s.name = p.name AND s.version = b.version AND s.release = b.release)
			AND NOT EXISTS (
				SELECT FROM silent_source s
				WHERE s.hub = `+schema.SourceHub+` AND s.name = p.name AND s.version = b.version AND s.release = b.release AND s.none)
		ORDER BY p.id
		LIMIT $1`, limit)
}

// WaitingPackages returns at most limit packages that could be resolved now, by
// id.
func (mt *Maintenance) WaitingPackages(ctx context.Context, limit int) ([]Waiting, error) {
	return mt.waiting(ctx, "packages to resolve", `
		SELECT p.id, c.id, c.name, p.name
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		JOIN build b ON b.id = p.last_complete_build_id
		JOIN srpm s ON s.hub = `+schema.SourceHub+` AND s.name = p.name AND s.version = b.version AND s.release = b.release
		WHERE `+schema.Eligible+` AND `+schema.Due+`
			AND c.latest_repo_resolved = 'resolved'
		ORDER BY p.id
		LIMIT $1`, limit)
}

// MendUntried makes packages due that count as resolved but have no answer,
// unless a repo-resolver has their collection in hand.
func (mt *Fenced) MendUntried(ctx context.Context) ([]Stuck, error) {
	return mt.repaired(ctx, "packages without an answer", `
		WITH found AS (
			SELECT p.id
			FROM package p
			WHERE `+schema.Eligible+` AND p.resolved_build_id = p.last_complete_build_id
				AND (p.resolution = 'unattempted' OR p.id NOT IN (SELECT package_id FROM resolution))
				AND NOT EXISTS (
					SELECT FROM lease l
					WHERE l.name = '`+postgres.RepoResolverLeases+`' || p.collection_id AND `+postgres.LeaseHeld+`)
			ORDER BY p.id
			FOR NO KEY UPDATE OF p SKIP LOCKED
		), x AS (
			UPDATE package p
			SET resolved_build_id = NULL
			FROM found
			WHERE p.id = found.id
			RETURNING p.collection_id, p.name, NULL::timestamptz AS at
		)`+stuckColumns)
}

// MendHolds ends holds whose reason is gone: of packages that have another
// build or override now than when it was found that nothing could be built, and
// those that last for longer than longest from now.
func (mt *Fenced) MendHolds(ctx context.Context, now time.Time, longest time.Duration) ([]Stuck, error) {
	return mt.repaired(ctx, "holds whose reason is gone", `
		WITH found AS (
			SELECT p.id
			FROM package p
			WHERE p.hold_until > $1
				AND (p.hold_kind IN ('source', 'arch') AND p.hold_basis <> `+schema.HoldBasis+` OR p.hold_until > $1 + $2::interval)
			ORDER BY p.id
			FOR NO KEY UPDATE SKIP LOCKED
		), x AS (
			UPDATE package p
			SET `+schema.NotHeld+`
			FROM found
			WHERE p.id = found.id
			RETURNING p.collection_id, p.name, NULL::timestamptz AS at
		)`+stuckColumns, now, longest)
}

// mendedColumns bounds how many packages are mended at a time.
const mendedColumns = 10000

// MendColumns makes the columns of packages that follow from their builds, and
// the state noted last, follow again where they do not. That they do is an
// invariant: what this finds is a mistake of ours.
func (mt *Fenced) MendColumns(ctx context.Context, now time.Time) (mended []Stuck, err error) {
	const wrong = `
		SELECT p.id
		FROM package p
		JOIN package changed ON changed.id = p.id` + settle.LastBuilds + `
		WHERE (` + settle.OtherBuilds + ` OR p.state <> p.noted_state)`
	suspects, err := postgres.CollectIDs(mt.db.Query(ctx, wrong+` LIMIT $1`, mendedColumns))
	if err != nil || len(suspects) == 0 {
		return nil, err
	}
	err = mt.db.Transact(ctx, func(tx pgx.Tx) error {
		// What was seen between two writes of one transaction of another is
		// gone once the lock is there.
		if _, err := settle.LockPackages(ctx, tx, suspects); err != nil {
			return err
		}
		ids, err := postgres.CollectIDs(tx.Query(ctx, wrong+` AND p.id = ANY($1)`, suspects))
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			WITH x AS (SELECT collection_id, name, NULL::timestamptz AS at FROM package WHERE id = ANY($1))`+stuckColumns, ids)
		if err != nil {
			return err
		}
		if mended, err = pgx.CollectRows(rows, scanStuck); err != nil {
			return err
		}
		return settle.Packages(ctx, tx, ids, now)
	})
	if err != nil {
		return nil, fmt.Errorf("mending columns of packages: %w", err)
	}
	return mended, nil
}
