package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/depset"
)

// eligible packages (of alias p) are resolved at all.
const eligible = `p.tracked AND NOT p.blocked AND NOT p.skip_resolution AND p.last_complete_build_id IS NOT NULL`

// comparedBuild is the build c that a package p is compared with to tell what has
// changed since: the newest that ended, counts and has a dependency set. It goes
// behind what is selected of c. comparableBuild builds are those it may become.
const (
	comparedBuild = `
		FROM build c
		WHERE ` + comparableBuild + ` AND c.deps = 'resolved' ` + newestBuild
	comparableBuild = `c.package_id = p.id AND NOT c.untagged AND c.outcome IN ('complete', 'failed')`
	newestBuild     = `
		ORDER BY c.event DESC, c.id DESC
		LIMIT 1`
)

// baselines joins each package's (of alias p) Baseline as base, if it is not the
// last complete build b; baseline is what either says.
const (
	baseline  = `coalesce(CASE b.deps WHEN 'resolved' THEN b.dependency_set_id ELSE base.set_id END, 0), coalesce(base.awaited, false)`
	baselines = `
	LEFT JOIN LATERAL (
		SELECT coalesce(c.dependency_set_id, 0) AS set_id, c.deps = 'pending' AS awaited
		FROM build c
		WHERE b.deps <> 'resolved' AND ` + comparableBuild + `
			AND (c.deps = 'resolved' OR c.deps = 'pending' AND c.repo_id IS NOT NULL)` + newestBuild + `
	) base ON true`
)

// due packages (of alias p) are resolved whatever the repo.
const due = `p.resolved_build_id IS DISTINCT FROM p.last_complete_build_id`

// duePackages returns the ids of the packages of a collection that are due.
func (db *DB) duePackages(ctx context.Context, collectionID int64) ([]int64, error) {
	ids, err := collectIDs(db.pool.Query(ctx, `
		SELECT p.id
		FROM package p
		WHERE p.collection_id = $1 AND `+eligible+` AND `+due, collectionID))
	if err != nil {
		return nil, fmt.Errorf("looking for packages to resolve: %w", err)
	}
	return ids, nil
}

// Candidates returns the packages of a collection that are to be resolved, by
// id: all, or only those that are due whatever the repo.
func (db *DB) Candidates(ctx context.Context, collectionID int64, dueOnly bool) ([]depset.Candidate, error) {
	only, args := "", []any{collectionID}
	if dueOnly {
		// They are few. A plan that is made without knowing which reads all of the
		// tables that are joined.
		ids, err := db.duePackages(ctx, collectionID)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		only, args = "AND p.id = ANY($2) AND "+due, append(args, ids)
	}
	rows, err := db.pool.Query(ctx, `
		SELECT p.id, p.last_complete_build_id, `+due+`, coalesce(s.id, 0),
			p.resolution, r.problems, r.set_hash, coalesce(r.dependency_priority, 0), `+baseline+`
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		JOIN build b ON b.id = p.last_complete_build_id
		LEFT JOIN srpm s ON s.hub = `+sourceHub+` AND s.name = p.name AND s.version = b.version AND s.release = b.release
		LEFT JOIN resolution r ON r.package_id = p.id`+baselines+`
		WHERE p.collection_id = $1 AND `+eligible+` `+only+`
		ORDER BY p.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading packages to resolve: %w", err)
	}
	candidates, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c depset.Candidate, err error) {
		err = row.Scan(&c.PackageID, &c.BuildID, &c.Due, &c.SRPMID,
			&c.Resolution, &c.Problems, &c.SetHash, &c.Priority, &c.SetID, &c.Awaited)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading packages to resolve: %w", err)
	}
	return candidates, nil
}
