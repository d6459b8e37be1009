package settle

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// NoteBuilds writes down that builds ended, or no longer count. before are their
// outcomes until now; nil if they were not known.
func NoteBuilds(ctx context.Context, tx pgx.Tx, kind koschei.EventKind, builds []int64, before []string, now time.Time) error {
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

// NoteCollection writes down that a collection is in another state because of a
// repo.
func NoteCollection(ctx context.Context, tx pgx.Tx, c *koschei.Collection, before koschei.State, at time.Time) error {
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

// NoteRebuilds writes down that somebody asked for builds of some packages, those of
// ids that have one of the names.
func NoteRebuilds(ctx context.Context, tx pgx.Tx, ids []int64, names []string, who koschei.EventDetail, now time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO event (at, kind, collection_id, collection, package_id, package, detail)
		SELECT @now, @kind, c.id, c.name, p.id, p.name, @detail
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		WHERE p.id = ANY(@ids) AND p.name = ANY(@names)
		ORDER BY p.id`, pgx.NamedArgs{"now": now, "kind": koschei.EventRebuild, "ids": ids, "names": names, "detail": &who})
	if err != nil {
		return fmt.Errorf("noting who asked for builds: %w", err)
	}
	return nil
}
