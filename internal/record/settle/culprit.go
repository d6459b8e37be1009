package settle

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres"
)

// NameCulprits writes down which update broke packages whose last build failed, where
// it is the only one that came into their buildroots since the build before, which
// succeeded with the same source. It is looked for once for each build.
func NameCulprits(ctx context.Context, tx pgx.Tx, packageIDs []int64) error {
	these, arg := postgres.InIDs("p.id", packageIDs)
	_, err := tx.Exec(ctx, `
		WITH named AS (
			UPDATE applied_change a
			SET named = true
			FROM package p
			JOIN build b ON b.id = p.last_complete_build_id
			WHERE `+these+` AND a.build_id = b.id AND a.broke AND NOT a.named AND EXISTS (
				SELECT
				FROM build o
				WHERE o.id = a.prev_build_id AND o.outcome = 'complete' AND (o.epoch, o.version, o.release) = (b.epoch, b.version, b.release))
			RETURNING b.id, b.package_id, b.finished, a.prev, a.curr
		)
		INSERT INTO event (at, kind, collection_id, collection, package_id, package, build_id, after, detail)
		SELECT n.finished, 'culprit', c.id, c.name, p.id, p.name, n.id, 'failing',
			jsonb_build_object('source', u.source, 'from', u.before, 'to', u.after)
		FROM named n
		JOIN package p ON p.id = n.package_id
		JOIN collection c ON c.id = p.collection_id
		CROSS JOIN LATERAL (
			SELECT min(v.source) AS source, count(DISTINCT v.source) AS sources,
				coalesce(max(v.source_version) FILTER (WHERE v.id = d.prev), '') AS before,
				coalesce(max(v.source_version) FILTER (WHERE v.id = d.curr), '') AS after
			FROM unnest(n.prev, n.curr) AS d (prev, curr)
			JOIN nevra v ON v.id IN (d.prev, d.curr)
		) u
		WHERE u.sources = 1 AND u.source <> ''
		ORDER BY n.id`, arg)
	if err != nil {
		return fmt.Errorf("naming what broke builds: %w", err)
	}
	return nil
}

// NameTaken writes down which updates took away what packages need that cannot be
// built any more since a repo.
func NameTaken(ctx context.Context, tx pgx.Tx, packageIDs []int64, repoID int64, now time.Time) error {
	if len(packageIDs) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO event (at, kind, collection_id, collection, package_id, package, repo_id, after, detail)
		SELECT $3, 'culprit', c.id, c.name, p.id, p.name, $2, 'unresolved',
			jsonb_build_object('source', u.source, 'from', u.source_before, 'to', u.source_after, 'lacks', u.dependency)
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		CROSS JOIN LATERAL (
			SELECT u.*
			FROM unmet_package x
			JOIN unmet u ON u.id = x.unmet_id
			WHERE x.package_id = p.id AND u.source <> ''
			ORDER BY u.why <> 'gone', u.id
			LIMIT 1
		) u
		WHERE p.id = ANY($1) AND p.state = 'unresolved'
		ORDER BY p.id`, packageIDs, repoID, now)
	if err != nil {
		return fmt.Errorf("naming what keeps packages from being built: %w", err)
	}
	return nil
}
