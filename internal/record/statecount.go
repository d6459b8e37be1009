package record

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// CountStates notes how many packages of a collection are in each state at the
// ranking's time.
func (rec *Record) CountStates(ctx context.Context, collectionID int64, ranking schema.Ranking) error {
	a, b := ranking.Rules.TimeCoefficients()
	// Of the answers only the index of those with changes is read.
	_, err := rec.db.ExecOne(ctx, `
		INSERT INTO state_count (collection_id, at, repo_id, ok, failing, unresolved, unknown, untracked, running, due)
		SELECT c.id, @now, c.latest_repo_id,
			count(*) FILTER (WHERE p.state = 'ok'),
			count(*) FILTER (WHERE p.state = 'failing'),
			count(*) FILTER (WHERE p.state = 'unresolved'),
			count(*) FILTER (WHERE p.state = 'unknown'),
			count(*) FILTER (WHERE p.state = 'untracked'),
			count(*) FILTER (WHERE p.running),
			count(*) FILTER (WHERE p.schedulable AND c.latest_repo_resolved = 'resolved' AND `+schema.Priority+` >= @threshold)
		FROM collection c
		LEFT JOIN package p ON p.collection_id = c.id AND NOT p.blocked
		LEFT JOIN (
			SELECT a.package_id, a.dependency_priority
			FROM resolution a
			WHERE `+schema.Changed+`
		) a ON a.package_id = p.id
		WHERE c.id = @collection
		GROUP BY c.id
		ON CONFLICT (collection_id, at) DO UPDATE
		SET repo_id = excluded.repo_id, ok = excluded.ok, failing = excluded.failing, unresolved = excluded.unresolved,
			unknown = excluded.unknown, untracked = excluded.untracked, running = excluded.running, due = excluded.due`,
		pgx.NamedArgs{"collection": collectionID, "now": ranking.Now, "a": a, "b": b, "threshold": ranking.Rules.BuildThreshold})
	if err != nil {
		return fmt.Errorf("counting states: %w", err)
	}
	return nil
}

// countEvery is how often states are counted, repo or not.
const countEvery = time.Hour

// CountStatesHourly does so for the collections that were not counted within
// the hour.
func (rec *Record) CountStatesHourly(ctx context.Context, ranking schema.Ranking) error {
	due, err := postgres.CollectIDs(rec.db.Query(ctx, `
		SELECT c.id
		FROM collection c
		WHERE NOT EXISTS (SELECT FROM state_count n WHERE n.collection_id = c.id AND n.at > $1 AND n.at <= $2)
		ORDER BY c.id`, ranking.Now.Add(-countEvery), ranking.Now))
	if err != nil {
		return fmt.Errorf("reading when states were counted: %w", err)
	}
	for _, id := range due {
		if err := rec.CountStates(ctx, id, ranking); err != nil {
			return err
		}
	}
	return nil
}
