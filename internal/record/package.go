package record

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/settle"
)

// A PackageListing is the package list of a collection's destination tag, or
// what it says of some packages.
type PackageListing struct {
	Names   []string // each once
	Blocked []bool   // in the order of Names
	About   []string // the packages that were asked for; nil for all
}

// A PackageListReport counts what was new in a listing.
type PackageListReport struct {
	Added, Blocked, Unblocked int
}

// SavePackageList adds the packages that a collection does not have yet, not
// tracked, and blocks and unblocks those that it has. Packages that the listing
// is about and that are not listed any more are blocked. Its error is ErrDoubted
// if too many would have been blocked, which then was not stored.
func (rec *Record) SavePackageList(ctx context.Context, collectionID int64, list PackageListing, now time.Time) (PackageListReport, error) {
	var report PackageListReport
	doubt := false
	err := rec.db.Transact(ctx, func(tx pgx.Tx) (err error) {
		if report.Added, err = addPackages(ctx, tx, collectionID, list, now); err != nil {
			return err
		}
		blocked, err := toBlock(ctx, tx, collectionID, list)
		if err != nil {
			return err
		}
		if doubt, err = doubted(ctx, tx, loss{collectionID, "blocked", blocked, list.About == nil, now}); err != nil {
			return err
		}
		report.Blocked, report.Unblocked, err = blockPackages(ctx, tx, collectionID, list, !doubt, now)
		return err
	})
	switch {
	case err != nil:
		return PackageListReport{}, fmt.Errorf("storing a package list: %w", err)
	case doubt:
		return report, ErrDoubted
	}
	return report, nil
}

// toBlock returns the packages with builds that a listing blocks.
func toBlock(ctx context.Context, tx pgx.Tx, collectionID int64, list PackageListing) ([]int64, error) {
	return postgres.CollectIDs(tx.Query(ctx, `
		SELECT p.id
		FROM package p
		WHERE p.collection_id = $1 AND NOT p.blocked AND p.last_build_id IS NOT NULL AND ($4::text[] IS NULL OR p.name = ANY($4))
			AND p.name NOT IN (SELECT l.name FROM unnest($2::text[], $3::boolean[]) AS l (name, blocked) WHERE NOT l.blocked)`,
		collectionID, list.Names, list.Blocked, list.About))
}

func addPackages(ctx context.Context, tx pgx.Tx, collectionID int64, list PackageListing, now time.Time) (int, error) {
	_, err := tx.Exec(ctx, `
		INSERT INTO base_package (name)
		SELECT l.name
		FROM unnest($1::text[]) AS l (name)
		WHERE NOT EXISTS (SELECT 1 FROM base_package b WHERE b.name = l.name)
		ORDER BY l.name
		ON CONFLICT (name) DO NOTHING`, list.Names)
	if err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO package (base_id, collection_id, name, blocked, noted_state, state_since)
		SELECT b.id, $1, l.name, l.blocked, CASE WHEN l.blocked THEN 'blocked' ELSE 'untracked' END, $4
		FROM unnest($2::text[], $3::boolean[]) AS l (name, blocked)
		JOIN base_package b ON b.name = l.name
		WHERE NOT EXISTS (SELECT 1 FROM package p WHERE p.collection_id = $1 AND p.base_id = b.id)
		ORDER BY l.name
		ON CONFLICT (collection_id, base_id) DO NOTHING`, collectionID, list.Names, list.Blocked, now)
	return int(tag.RowsAffected()), err
}

func blockPackages(ctx context.Context, tx pgx.Tx, collectionID int64, list PackageListing, block bool, now time.Time) (blocked, unblocked int, err error) {
	ids, err := postgres.CollectIDs(tx.Query(ctx, `
		SELECT p.id
		FROM unnest($2::text[], $3::boolean[]) AS l (name, blocked)
		JOIN package p ON p.collection_id = $1 AND p.name = l.name
		WHERE p.blocked <> l.blocked AND ($5 OR NOT l.blocked) AND ($4::text[] IS NULL OR p.name = ANY($4))
		UNION ALL
		SELECT p.id
		FROM package p
		WHERE p.collection_id = $1 AND NOT p.blocked AND $5 AND ($4::text[] IS NULL OR p.name = ANY($4))
			AND p.name NOT IN (SELECT unnest($2::text[]))`,
		collectionID, list.Names, list.Blocked, list.About, block))
	if err != nil || len(ids) == 0 {
		return 0, 0, err
	}
	if ids, err = settle.LockPackages(ctx, tx, ids); err != nil {
		return 0, 0, err
	}
	err = tx.QueryRow(ctx, `
		WITH changed AS (
			UPDATE package p
			SET blocked = coalesce(l.blocked, true)
			FROM package old
			LEFT JOIN unnest($2::text[], $3::boolean[]) AS l (name, blocked) ON l.name = old.name
			WHERE p.id = ANY($1) AND old.id = p.id AND old.blocked <> coalesce(l.blocked, true)
			RETURNING p.blocked
		)
		SELECT count(*) FILTER (WHERE blocked), count(*) FILTER (WHERE NOT blocked)
		FROM changed`, ids, list.Names, list.Blocked).Scan(&blocked, &unblocked)
	if err != nil {
		return 0, 0, err
	}
	if unblocked > 0 {
		if err := postgres.Wake(ctx, tx, collectionID, koschei.ServiceRepoResolver, koschei.ServiceScheduler); err != nil {
			return 0, 0, err
		}
	}
	return blocked, unblocked, settle.NoteStates(ctx, tx, ids, now)
}

// DraftPackages returns the names of packages whose newest build is a draft.
func (rec *Record) DraftPackages(ctx context.Context, collectionID int64) ([]string, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT p.name
		FROM package p
		JOIN build b ON b.id = p.last_build_id
		WHERE p.collection_id = $1 AND b.release LIKE '%,draft@_%' ESCAPE '@'
		ORDER BY p.name`, collectionID)
	if err != nil {
		return nil, fmt.Errorf("reading draft builds: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// UnrecordedPackages returns the names of packages that builds are to be
// recorded of and that have none, at most limit.
func (rec *Record) UnrecordedPackages(ctx context.Context, collectionID int64, limit int) ([]string, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT name
		FROM package
		WHERE collection_id = $1 AND tracked AND NOT blocked AND last_build_id IS NULL
		ORDER BY name
		LIMIT $2`, collectionID, limit)
	if err != nil {
		return nil, fmt.Errorf("reading packages without a build: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
