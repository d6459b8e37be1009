package settle

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres"
)

// LockPackages locks packages until tx ends, in the one order that everybody
// keeps to, and returns those that exist. Who only refers to a package, with a
// new build for example, does not wait.
func LockPackages(ctx context.Context, tx pgx.Tx, ids []int64) ([]int64, error) {
	rows, err := tx.Query(ctx, `
		SELECT id
		FROM package
		WHERE id = ANY($1)
		ORDER BY id
		FOR NO KEY UPDATE`, ids)
	if err != nil {
		return nil, fmt.Errorf("locking packages: %w", err)
	}
	locked, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("locking packages: %w", err)
	}
	return locked, nil
}

// LastBuilds joins what the columns of each package (of alias changed) must
// follow from, and OtherBuilds says that those of p do not.
const (
	LastBuilds = `
		LEFT JOIN LATERAL (
			SELECT b.id, b.started
			FROM build b
			WHERE b.package_id = changed.id AND NOT b.untagged
				AND b.outcome IN ('submitting', 'running', 'complete', 'failed')
			ORDER BY b.event DESC, b.id DESC
			LIMIT 1
		) last ON true
		LEFT JOIN LATERAL (
			SELECT b.id, b.outcome
			FROM build b
			WHERE b.package_id = changed.id AND NOT b.untagged AND b.outcome IN ('complete', 'failed')
			ORDER BY b.event DESC, b.id DESC
			LIMIT 1
		) done ON true`
	OtherBuilds = `(p.last_build_id, p.last_build_started, p.last_complete_build_id, p.last_complete_outcome)
				IS DISTINCT FROM (last.id, last.started, done.id, done.outcome)`
)

// RefreshLastBuilds makes the columns of packages that follow from their
// builds follow from them again. Whoever adds a build, ends one or changes what
// makes it count ends with settle, which calls it.
func RefreshLastBuilds(ctx context.Context, tx pgx.Tx, packageIDs []int64) error {
	these, arg := postgres.InIDs("changed.id", packageIDs)
	_, err := tx.Exec(ctx, `
		UPDATE package p
		SET last_build_id = last.id,
			last_build_started = last.started,
			last_complete_build_id = done.id,
			last_complete_outcome = done.outcome
		FROM package AS changed`+LastBuilds+`
		WHERE p.id = changed.id AND `+these+` AND `+OtherBuilds, arg)
	if err != nil {
		return fmt.Errorf("refreshing last builds: %w", err)
	}
	return refreshBroke(ctx, tx, packageIDs)
}

// NoteStates stores a state_change and an event for every package that is no
// longer in the state noted last. Every transaction that may change a state ends
// with it.
func NoteStates(ctx context.Context, tx pgx.Tx, packageIDs []int64, now time.Time) error {
	for some := range slices.Chunk(packageIDs, notedAtOnce) {
		if err := noteSomeStates(ctx, tx, some, now); err != nil {
			return fmt.Errorf("noting states: %w", err)
		}
	}
	return nil
}

// notedAtOnce bounds the harm of a plan that is made without statistics, as of
// a collection that was filled a moment ago: it compares all packages with all.
const notedAtOnce = 1000

func noteSomeStates(ctx context.Context, tx pgx.Tx, packageIDs []int64, now time.Time) error {
	these, arg := postgres.InIDs("id", packageIDs)
	_, err := tx.Exec(ctx, `
		WITH changed AS (
			SELECT id, collection_id, name, noted_state AS before, state AS after
			FROM package
			WHERE `+these+` AND state <> noted_state
		), noted AS (
			UPDATE package p
			SET noted_state = p.state, state_since = $2
			FROM changed
			WHERE p.id = changed.id
		), history AS (
			INSERT INTO state_change (collection_id, package_id, prev, curr, changed)
			SELECT collection_id, id, before, after, $2
			FROM changed
		)
		INSERT INTO event (at, kind, collection_id, collection, package_id, package, before, after)
		SELECT $2, 'package state', c.id, c.name, changed.id, changed.name, changed.before, changed.after
		FROM changed
		JOIN collection c ON c.id = changed.collection_id
		ORDER BY changed.id`, arg, now)
	return err
}

// Packages is how every change of packages' builds ends: the columns that follow
// from builds, then the states, then what is known of what broke them. The packages must be locked.
func Packages(ctx context.Context, tx pgx.Tx, packageIDs []int64, now time.Time) error {
	if err := RefreshLastBuilds(ctx, tx, packageIDs); err != nil {
		return err
	}
	if err := NoteStates(ctx, tx, packageIDs, now); err != nil {
		return err
	}
	return NameCulprits(ctx, tx, packageIDs)
}
