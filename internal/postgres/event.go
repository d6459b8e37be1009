package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// eventColumns are those of koschei.Event, of a table called e.
const eventColumns = `e.id, e.at, e.kind, e.collection_id, e.collection, coalesce(e.package_id, 0), e.package,
	coalesce(e.build_id, 0), coalesce(e.repo_id, 0), e.before, e.after`

// eventFields are where eventColumns are scanned to.
func eventFields(e *koschei.Event) []any {
	return []any{
		&e.ID, &e.At, &e.Kind, &e.CollectionID, &e.Collection, &e.PackageID, &e.Package,
		&e.BuildID, &e.RepoID, &e.Before, &e.After,
	}
}

// noteBuilds writes down that builds ended, or no longer count. before are their
// outcomes until now; nil if they were not known.
func noteBuilds(ctx context.Context, tx pgx.Tx, kind koschei.EventKind, builds []int64, before []string, now time.Time) error {
	if len(builds) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO event (at, kind, collection_id, collection, package_id, package, build_id, before, after)
		SELECT @now, @kind, c.id, c.name, p.id, p.name, b.id, coalesce(n.before, ''),
			CASE @kind WHEN 'build ended' THEN b.outcome ELSE '' END
		FROM unnest(@builds::bigint[], @before::text[]) WITH ORDINALITY AS n (build_id, before, place)
		JOIN build b ON b.id = n.build_id
		JOIN package p ON p.id = b.package_id
		JOIN collection c ON c.id = p.collection_id
		ORDER BY n.place`, pgx.NamedArgs{"now": now, "kind": string(kind), "builds": builds, "before": before})
	if err != nil {
		return fmt.Errorf("noting what became of builds: %w", err)
	}
	return nil
}

// noteCollection writes down that a collection is in another state because of a
// repo.
func noteCollection(ctx context.Context, tx pgx.Tx, c *koschei.Collection, before koschei.State, at time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO event (at, kind, collection_id, collection, repo_id, before, after)
		VALUES (@at, @kind, @collection, @name, @repo, @before, @after)`, pgx.NamedArgs{
		"at": at, "kind": koschei.EventCollectionState, "collection": c.ID, "name": c.Name,
		"repo": c.LatestRepoID, "before": before, "after": c.State(),
	})
	if err != nil {
		return fmt.Errorf("noting the state of collection %s: %w", c.Name, err)
	}
	return nil
}

// EventPlace returns what there is to say of the place of an event.
func (db *DB) EventPlace(ctx context.Context, e *koschei.Event) (*koschei.EventPlace, error) {
	place := &koschei.EventPlace{}
	err := db.pool.QueryRow(ctx, `
		SELECT c.display_name, ARRAY(
			SELECT f.full_name
			FROM package p
			JOIN package_group_member m ON m.base_id = p.base_id
			JOIN package_group g ON g.id = m.group_id
			CROSS JOIN LATERAL (SELECT CASE g.namespace WHEN '' THEN '' ELSE g.namespace || '/' END || g.name) AS f (full_name)
			WHERE p.id = $2
			ORDER BY f.full_name)
		FROM collection c
		WHERE c.id = $1`, e.CollectionID, e.PackageID).Scan(&place.DisplayName, &place.Groups)
	if err != nil {
		return nil, notFound(err, "collection %s of event %d", e.Collection, e.ID)
	}
	return place, nil
}
