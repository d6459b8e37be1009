package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A StateChange is a package whose state is another than it was at some time.
type StateChange struct {
	PackageID int64
	Package   string
	Before    koschei.State // at that time
	State     koschei.State // now
	Since     time.Time     // when it last changed
	Changes   int           // how often it has changed since that time
}

// Broke says that the package was all right, or nothing was known against it, and
// is not now.
func (c *StateChange) Broke() bool { return isBroken(c.State) && !isBroken(c.Before) }

// Mended says that it was broken and builds now.
func (c *StateChange) Mended() bool { return isBroken(c.Before) && c.State == koschei.StateOK }

func isBroken(s koschei.State) bool {
	return s == koschei.StateFailing || s == koschei.StateUnresolved
}

// Since returns the packages of a collection, blocked ones left out, whose
// state is another than at a domain time, what changed last first. A package that
// broke and was mended since is not among them.
func (v *Timeline) Since(ctx context.Context, collectionID int64, since time.Time, limit int) ([]StateChange, error) {
	rows, err := v.db.Query(ctx, `
		SELECT p.id, p.name, c.before, p.state, c.changed, c.n
		FROM (
			SELECT package_id, (array_agg(prev ORDER BY id))[1] AS before, max(changed) AS changed, count(*) AS n
			FROM state_change
			WHERE collection_id = $1 AND changed >= $2
			GROUP BY package_id
		) c
		JOIN package p ON p.id = c.package_id
		WHERE p.state <> c.before AND NOT p.blocked
		ORDER BY c.changed DESC, p.name
		LIMIT $3`, collectionID, since, limit)
	if err != nil {
		return nil, fmt.Errorf("reading changes of states: %w", err)
	}
	changes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StateChange])
	if err != nil {
		return nil, fmt.Errorf("reading changes of states: %w", err)
	}
	return changes, nil
}
