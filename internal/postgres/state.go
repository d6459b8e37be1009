package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// lockPackages locks packages until tx ends, in the one order that everybody
// keeps to, and returns those that exist. Who only refers to a package, with a
// new build for example, does not wait.
func lockPackages(ctx context.Context, tx pgx.Tx, ids []int64) ([]int64, error) {
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

// among is the condition that a column is one of the ids, and what parameter $1
// in it is. Builds change one by one: a statement about one id the server plans
// once, but one about a list each time, since it supposes that lists are longer.
func among(column string, ids []int64) (condition string, arg any) {
	if len(ids) == 1 {
		return column + " = $1", ids[0]
	}
	return column + " = ANY($1)", ids
}

// lastBuilds joins what the columns of each package (of alias changed) must
// follow from, and otherBuilds says that those of p do not.
const (
	lastBuilds = `
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
	otherBuilds = `(p.last_build_id, p.last_build_started, p.last_complete_build_id, p.last_complete_outcome)
				IS DISTINCT FROM (last.id, last.started, done.id, done.outcome)`
)

// refreshLastBuilds makes the columns of packages that follow from their
// builds follow from them again. Whoever adds a build, ends one or changes what
// makes it count calls it before noteStates, in the same transaction. The
// packages must be locked.
func refreshLastBuilds(ctx context.Context, tx pgx.Tx, packageIDs []int64) error {
	these, arg := among("changed.id", packageIDs)
	_, err := tx.Exec(ctx, `
		UPDATE package p
		SET last_build_id = last.id,
			last_build_started = last.started,
			last_complete_build_id = done.id,
			last_complete_outcome = done.outcome
		FROM package AS changed`+lastBuilds+`
		WHERE p.id = changed.id AND `+these+` AND `+otherBuilds, arg)
	if err != nil {
		return fmt.Errorf("refreshing last builds: %w", err)
	}
	return refreshBroke(ctx, tx, packageIDs)
}

// TopicPackageState is the outbox topic of a package whose message state (see
// koschei.State.Message) became another one.
const TopicPackageState = "package.state.change"

// noteStates stores a state_change for every package that is no longer in the
// state noted last, and a message in the outbox if people outside can see the
// difference. Every transaction that may change a state ends with it. What the
// sender adds (topic prefix, koji_instance) is not in the body.
func noteStates(ctx context.Context, tx pgx.Tx, packageIDs []int64, now time.Time) error {
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
	these, arg := among("id", packageIDs)
	_, err := tx.Exec(ctx, `
		WITH changed AS (
			SELECT id, base_id, collection_id, name, noted_state AS prev, state AS curr,
				CASE WHEN noted_state IN ('ok', 'failing', 'unresolved') THEN noted_state ELSE 'ignored' END AS old,
				CASE WHEN state IN ('ok', 'failing', 'unresolved') THEN state ELSE 'ignored' END AS new
			FROM package
			WHERE `+these+` AND state <> noted_state
		), noted AS (
			UPDATE package p
			SET noted_state = p.state, state_since = $2
			FROM changed
			WHERE p.id = changed.id
		), history AS (
			INSERT INTO state_change (package_id, prev, curr, changed)
			SELECT id, prev, curr, $2
			FROM changed
		)
		INSERT INTO outbox (topic, created, body)
		SELECT $3, $2, jsonb_build_object(
			'name', changed.name,
			'old', changed.old,
			'new', changed.new,
			'repo', c.name,
			'collection', c.name,
			'collection_name', c.display_name,
			'groups', coalesce((
				SELECT jsonb_agg(full_name ORDER BY full_name)
				FROM package_group_member m
				JOIN package_group g ON g.id = m.group_id
				CROSS JOIN LATERAL (SELECT CASE g.namespace WHEN '' THEN '' ELSE g.namespace || '/' END || g.name) AS f (full_name)
				WHERE m.base_id = changed.base_id), '[]'))
		FROM changed
		JOIN collection c ON c.id = changed.collection_id
		WHERE changed.old <> changed.new
		ORDER BY changed.id`, arg, now, TopicPackageState)
	return err
}
