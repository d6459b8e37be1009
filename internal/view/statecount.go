package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A StateCount is how many packages of a collection, blocked ones left out, were
// in which state at a domain time.
type StateCount struct {
	At     time.Time
	RepoID int64 // the collection's latest then; 0 if there was none

	OK, Failing, Unresolved, Unknown, Untracked int

	Running int // packages with a build under way
	Due     int // packages that could be built and whose priority reached the threshold
}

// Of is the count of one state; 0 of those that are not counted.
func (c *StateCount) Of(s koschei.State) int {
	switch s {
	case koschei.StateOK:
		return c.OK
	case koschei.StateFailing:
		return c.Failing
	case koschei.StateUnresolved:
		return c.Unresolved
	case koschei.StateUnknown:
		return c.Unknown
	case koschei.StateUntracked:
		return c.Untracked
	default:
		return 0
	}
}

// StateCounts returns what was counted of a collection since a domain time, the
// oldest first: of each step the last count. They are counted after each repo, and
// once an hour.
func (v *Timeline) StateCounts(ctx context.Context, collectionID int64, since time.Time, step time.Duration) ([]StateCount, error) {
	rows, err := v.db.Query(ctx, `
		SELECT DISTINCT ON (date_bin($3, at, $2))
			at, repo_id, ok, failing, unresolved, unknown, untracked, running, due
		FROM state_count
		WHERE collection_id = $1 AND at >= $2
		ORDER BY date_bin($3, at, $2), at DESC`, collectionID, since, step)
	return collectStateCounts(rows, err)
}

// StateCountsBefore returns the last count of a collection before each of some
// times, in their order; zero where there was none yet.
func (v *Timeline) StateCountsBefore(ctx context.Context, collectionID int64, times []time.Time) ([]StateCount, error) {
	return v.stateCountsBefore(ctx, collectionID, times)
}

func (v *source) stateCountsBefore(ctx context.Context, collectionID int64, times []time.Time) ([]StateCount, error) {
	rows, err := v.db.Query(ctx, `
		SELECT coalesce(n.at, t.time), coalesce(n.repo_id, 0), coalesce(n.ok, 0), coalesce(n.failing, 0), coalesce(n.unresolved, 0),
			coalesce(n.unknown, 0), coalesce(n.untracked, 0), coalesce(n.running, 0), coalesce(n.due, 0)
		FROM unnest($2::timestamptz[]) WITH ORDINALITY AS t (time, place)
		LEFT JOIN LATERAL (
			SELECT *
			FROM state_count s
			WHERE s.collection_id = $1 AND s.at < t.time
			ORDER BY s.at DESC
			LIMIT 1
		) n ON true
		ORDER BY t.place`, collectionID, times)
	return collectStateCounts(rows, err)
}

func collectStateCounts(rows pgx.Rows, err error) ([]StateCount, error) {
	if err != nil {
		return nil, fmt.Errorf("reading counts of states: %w", err)
	}
	counts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StateCount])
	if err != nil {
		return nil, fmt.Errorf("reading counts of states: %w", err)
	}
	return counts, nil
}
