package deliver

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// brokenIn are the packages p of collection c that do not build and whose namesakes
// in the base collection do.
const brokenIn = `
	SELECT p.name
	FROM package p
	JOIN package q ON q.collection_id = o.id AND q.name = p.name AND q.state = 'ok'
	WHERE p.collection_id = c.id AND p.tracked AND NOT p.blocked AND p.state <> 'ok'`

// JudgeGate finds out how far the test of a collection against its base is and
// writes down what of that is news. Of a collection that is not there nothing is.
// The ranking says which packages are due.
func (dv *Deliveries) JudgeGate(ctx context.Context, collection, base string, ranking schema.Ranking) error {
	err := dv.db.Transact(ctx, func(tx pgx.Tx) error {
		c, now, err := judge(ctx, tx, collection, base, ranking)
		if err != nil || now == koschei.GateUnknown {
			return err
		}
		// Whoever comes second finds what the first has written.
		_, err = tx.Exec(ctx, `SELECT id FROM collection WHERE id = $1 FOR NO KEY UPDATE`, c.ID)
		if err != nil {
			return err
		}
		var repo int64
		var was koschei.GateState
		err = tx.QueryRow(ctx, `SELECT repo_id, state FROM gate WHERE collection_id = $1`, c.ID).Scan(&repo, &was)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) || repo == c.LatestRepoID && was == now {
			return err
		}
		if repo != 0 && repo != c.LatestRepoID {
			if err := noteGate(ctx, tx, c, repo, [2]koschei.GateState{was, koschei.GateAborted}, ranking); err != nil {
				return err
			}
			was = koschei.GateUnknown
		}
		if err := noteGate(ctx, tx, c, c.LatestRepoID, [2]koschei.GateState{was, now}, ranking); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO gate (collection_id, repo_id, state)
			VALUES ($1, $2, $3)
			ON CONFLICT (collection_id) DO UPDATE
			SET repo_id = excluded.repo_id, state = excluded.state`, c.ID, c.LatestRepoID, now)
		return err
	})
	if errors.Is(err, koschei.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("judging collection %s: %w", collection, err)
	}
	return nil
}

// judge says how far the test of a collection is.
func judge(ctx context.Context, tx pgx.Tx, collection, base string, ranking schema.Ranking) (*koschei.Collection, koschei.GateState, error) {
	a, b := ranking.Rules.TimeCoefficients()
	c := &koschei.Collection{Name: collection}
	var running, broken bool
	err := tx.QueryRow(ctx, `
		SELECT c.id, c.latest_repo_id, c.latest_repo_resolved,
			EXISTS (
				SELECT
				FROM package p
				LEFT JOIN resolution a ON a.package_id = p.id
				WHERE p.collection_id = c.id AND NOT p.blocked AND (p.running OR p.schedulable
					AND (p.hold_until IS NULL OR p.hold_until <= @now) AND `+schema.Priority+` >= @threshold)),
			EXISTS (`+brokenIn+`)
		FROM collection c
		JOIN collection o ON o.name = @base
		WHERE c.name = @collection`, pgx.NamedArgs{
		"collection": collection, "base": base, "now": ranking.Now, "a": a, "b": b, "threshold": ranking.Rules.BuildThreshold,
	}).Scan(&c.ID, &c.LatestRepoID, &c.LatestRepoResolved, &running, &broken)
	if err != nil {
		return nil, "", postgres.NotFound(err, "collection %s or %s", collection, base)
	}
	switch {
	case c.LatestRepoID == 0 || c.State() == koschei.StateUnknown:
		return c, koschei.GateUnknown, nil
	case c.State() == koschei.StateUnresolved:
		return c, koschei.GateFailed, nil
	case running:
		return c, koschei.GateRunning, nil
	case broken:
		return c, koschei.GateFailed, nil
	}
	return c, koschei.GatePassed, nil
}

func noteGate(ctx context.Context, tx pgx.Tx, c *koschei.Collection, repo int64, change [2]koschei.GateState, ranking schema.Ranking) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO event (at, kind, collection_id, collection, repo_id, before, after)
		VALUES (@at, @kind, @collection, @name, @repo, @before, @after)`, pgx.NamedArgs{
		"at": ranking.Now, "kind": koschei.EventGate, "collection": c.ID, "name": c.Name, "repo": repo, "before": change[0], "after": change[1],
	})
	return err
}

// GateFacts returns what there is to say of the collection of an event and of its
// builds, as they were in the repo that it is about.
func (dv *Deliveries) GateFacts(ctx context.Context, e *koschei.Event, base string) (*koschei.GateFacts, error) {
	f := &koschei.GateFacts{}
	err := dv.db.Read(ctx, func(tx pgx.Tx) error {
		var secondary bool
		err := tx.QueryRow(ctx, `
			SELECT c.display_name, c.secondary_mode, c.dest_tag, c.build_tag,
				(SELECT count(*) FROM package p WHERE p.collection_id = c.id AND p.tracked AND NOT p.blocked),
				ARRAY(`+brokenIn+` ORDER BY p.name)
			FROM collection c
			JOIN collection o ON o.name = $2
			WHERE c.id = $1`, e.CollectionID, base).Scan(&f.DisplayName, &secondary, &f.DestTag, &f.BuildTag, &f.Packages, &f.Broken)
		if err != nil {
			return postgres.NotFound(err, "collection %s or %s", e.Collection, base)
		}
		f.Hub = (&koschei.Collection{SecondaryMode: secondary}).SourceHub()
		rows, err := tx.Query(ctx, `
			SELECT b.task_id, b.owner, p.name, p.name || '-' || b.version || '-' || b.release
			FROM collection c
			JOIN collection o ON o.name = @base
			LEFT JOIN repo r ON r.collection_id = c.id AND r.repo_id = @repo
			JOIN package p ON p.collection_id = c.id AND NOT p.blocked
			CROSS JOIN LATERAL (
				SELECT b.*
				FROM build b
				WHERE b.package_id = p.id AND b.origin = 'real' AND NOT b.untagged AND (r.create_event IS NULL OR b.event <= r.create_event)
				ORDER BY b.event DESC, b.id DESC
				LIMIT 1
			) b
			WHERE c.id = @collection AND b.task_id IS NOT NULL AND NOT EXISTS (
				SELECT
				FROM package q
				JOIN build s ON s.package_id = q.id
				WHERE q.collection_id = o.id AND q.name = p.name AND s.origin = 'real' AND NOT s.untagged AND s.koji_build_id = b.koji_build_id)
			ORDER BY p.name`, pgx.NamedArgs{"collection": e.CollectionID, "base": base, "repo": e.RepoID})
		if err != nil {
			return err
		}
		f.Builds, err = pgx.CollectRows(rows, pgx.RowToStructByPos[koschei.GateBuild])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what gates are to know of %s: %w", e.Collection, err)
	}
	return f, nil
}
