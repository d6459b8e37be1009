package record

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// duePackages returns the ids of the packages of a collection that are due.
func (rec *Record) duePackages(ctx context.Context, collectionID int64) ([]int64, error) {
	ids, err := postgres.CollectIDs(rec.db.Query(ctx, `
		SELECT p.id
		FROM package p
		WHERE p.collection_id = $1 AND `+schema.Eligible+` AND `+schema.Due, collectionID))
	if err != nil {
		return nil, fmt.Errorf("looking for packages to resolve: %w", err)
	}
	return ids, nil
}

// Candidates returns the packages of a collection that are to be resolved, by
// id: all, or only those that are due whatever the repo.
func (rec *Record) Candidates(ctx context.Context, collectionID int64, dueOnly bool) ([]depset.Candidate, error) {
	only, args := "", []any{collectionID}
	if dueOnly {
		// They are few. A plan that is made without knowing which reads all of the
		// tables that are joined.
		ids, err := rec.duePackages(ctx, collectionID)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		only, args = "AND p.id = ANY($2) AND "+schema.Due, append(args, ids)
	}
	rows, err := rec.db.Query(ctx, `
		SELECT p.id, p.last_complete_build_id, `+schema.Due+`, coalesce(s.id, 0),
			p.resolution, r.problems, r.set_hash, coalesce(r.repo_id, 0), coalesce(r.dependency_priority, 0), `+schema.Baseline+`
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		JOIN build b ON b.id = p.last_complete_build_id
		LEFT JOIN srpm s ON s.hub = `+schema.SourceHub+` AND s.name = p.name AND s.version = b.version AND s.release = b.release
		LEFT JOIN resolution r ON r.package_id = p.id`+schema.Baselines+`
		WHERE p.collection_id = $1 AND `+schema.Eligible+` `+only+`
		ORDER BY p.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading packages to resolve: %w", err)
	}
	candidates, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c depset.Candidate, err error) {
		err = row.Scan(&c.PackageID, &c.BuildID, &c.Due, &c.SRPMID,
			&c.Resolution, &c.Problems, &c.SetHash, &c.RepoID, &c.Priority, &c.SetID, &c.Awaited)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading packages to resolve: %w", err)
	}
	return candidates, nil
}
