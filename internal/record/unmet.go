package record

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
)

// storeUnmet writes which dependencies are not met for packages that are, or were,
// unresolved. What is stored of a dependency stays: it was seen first then.
func storeUnmet(ctx context.Context, tx pgx.Tx, repo *koschei.Repo, verdicts []*depset.Verdict, now time.Time) error {
	var packages []int64
	var unmet []wantedUnmet
	for _, v := range verdicts {
		if v.Resolution() != koschei.Unresolved && v.Candidate.Resolution != koschei.Unresolved {
			continue
		}
		packages = append(packages, v.Candidate.PackageID)
		for _, n := range v.Unmet {
			unmet = append(unmet, wantedUnmet{n, v.Candidate.PackageID})
		}
	}
	if len(packages) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM unmet_package WHERE package_id = ANY($1)`, packages); err != nil {
		return fmt.Errorf("forgetting what was not met: %w", err)
	}
	if len(unmet) == 0 {
		return nil
	}
	// In one order, so that two who store the same wait at most one way.
	slices.SortStableFunc(unmet, func(a, b wantedUnmet) int {
		return cmp.Or(cmp.Compare(a.Dependency, b.Dependency), cmp.Compare(a.By.Name, b.By.Name))
	})
	if err := insertUnmet(ctx, tx, repo, unmet, now); err != nil {
		return fmt.Errorf("storing what is not met: %w", err)
	}
	var ids []int64
	var dependencies, by, asked []string
	for i := range unmet {
		n := &unmet[i]
		ids, dependencies = append(ids, n.packageID), append(dependencies, n.Dependency)
		by, asked = append(by, n.By.Name), append(asked, n.Asked)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO unmet_package (unmet_id, package_id, asked)
		SELECT u.id, w.package_id, w.asked
		FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) AS w (package_id, dependency, needed_by, asked)
		JOIN unmet u ON u.collection_id = $1 AND u.dependency = w.dependency AND u.needed_by = w.needed_by AND u.ended IS NULL
		ON CONFLICT DO NOTHING`, repo.CollectionID, ids, dependencies, by, asked)
	if err != nil {
		return fmt.Errorf("storing for whom it is not met: %w", err)
	}
	return nil
}

// A wantedUnmet is a dependency that is not met for a package.
type wantedUnmet struct {
	depset.Unmet
	packageID int64
}

// insertUnmet writes dependencies, which are sorted, that were met until now.
func insertUnmet(ctx context.Context, tx pgx.Tx, repo *koschei.Repo, unmet []wantedUnmet, now time.Time) error {
	var batch pgx.Batch
	for i := range unmet {
		n := &unmet[i]
		if i > 0 && unmet[i-1].Dependency == n.Dependency && unmet[i-1].By.Name == n.By.Name {
			continue
		}
		version := ""
		if n.By.Name != "" {
			version = n.By.Version + "-" + n.By.Release
		}
		batch.Queue(`
			INSERT INTO unmet (collection_id, dependency, needed_by, needed_version, repo_id, since, why, source, source_before, source_after, provider)
			VALUES (@collection, @dependency, @by, @version, @repo, @now, @why, @source, @before, @after, @provider)
			ON CONFLICT (collection_id, dependency, needed_by) WHERE ended IS NULL DO NOTHING`, pgx.NamedArgs{
			"collection": repo.CollectionID, "dependency": n.Dependency, "by": n.By.Name, "version": version, "repo": repo.RepoID, "now": now,
			"why": cmp.Or(n.Cause.Why, depset.UnmetUnknown), "source": n.Cause.Source, "before": n.Cause.Before, "after": n.Cause.After,
			"provider": n.Cause.Provider,
		})
	}
	return tx.SendBatch(ctx, &batch).Close()
}

// endUnmet counts for how many packages of a collection each dependency is not met,
// and ends those that no package wants any more.
func endUnmet(ctx context.Context, tx pgx.Tx, collectionID int64, now time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE unmet u
		SET packages = CASE WHEN w.n > 0 THEN w.n ELSE u.packages END, ended = CASE WHEN w.n = 0 THEN $2::timestamptz END
		FROM (
			SELECT u.id, count(p.id) AS n
			FROM unmet u
			LEFT JOIN unmet_package x ON x.unmet_id = u.id
			LEFT JOIN package p ON p.id = x.package_id AND p.state = 'unresolved'
			WHERE u.collection_id = $1 AND u.ended IS NULL
			GROUP BY u.id
		) w
		WHERE u.id = w.id AND (w.n = 0 OR w.n <> u.packages)`, collectionID, now)
	if err != nil {
		return fmt.Errorf("counting what is not met: %w", err)
	}
	return nil
}

// noteUpdates writes down which updates are known since a repo to have broken
// packages, and of which none suffers any more. An update is the source package with
// the version-release that it has since.
func noteUpdates(ctx context.Context, tx pgx.Tx, repo *koschei.Repo) error {
	for _, statement := range []string{updatesMended, updatesBroke} {
		_, err := tx.Exec(ctx, statement, repo.CollectionID, repo.RepoID, repo.Solved)
		if err != nil {
			return fmt.Errorf("noting what updates broke: %w", err)
		}
	}
	return nil
}

const (
	// stillBreaks says that an update u, of which an event has told, is not mended.
	stillBreaks = `EXISTS (
		SELECT
		FROM unmet o
		WHERE o.collection_id = $1 AND o.source = u.source AND o.source_after = u.source_after AND o.told AND o.ended IS NULL)`

	updatesMended = `
	WITH u AS (
		UPDATE unmet
		SET told = false
		WHERE collection_id = $1 AND told AND ended IS NOT NULL
		RETURNING source, source_before, source_after
	)
	INSERT INTO event (at, kind, collection_id, collection, repo_id, before, after, detail)
	SELECT $3, 'update', c.id, c.name, $2, 'broken', 'fine',
		jsonb_build_object('source', u.source, 'from', max(u.source_before), 'to', u.source_after)
	FROM u
	JOIN collection c ON c.id = $1
	WHERE NOT ` + stillBreaks + `
	GROUP BY c.id, u.source, u.source_after
	ORDER BY u.source`

	updatesBroke = `
	WITH u AS (
		UPDATE unmet n
		SET told = true
		WHERE n.collection_id = $1 AND NOT n.told AND n.ended IS NULL AND n.source <> ''
		RETURNING n.id, n.source, n.source_before, n.source_after, n.dependency
	)
	INSERT INTO event (at, kind, collection_id, collection, repo_id, before, after, detail)
	SELECT $3, 'update', c.id, c.name, $2, 'fine', 'broken',
		jsonb_build_object('source', u.source, 'from', max(u.source_before), 'to', u.source_after,
			'lacks', min(u.dependency), 'packages', count(DISTINCT x.package_id))
	FROM u
	JOIN unmet_package x ON x.unmet_id = u.id
	JOIN collection c ON c.id = $1
	WHERE NOT ` + stillBreaks + `
	GROUP BY c.id, u.source, u.source_after
	ORDER BY u.source`
)
