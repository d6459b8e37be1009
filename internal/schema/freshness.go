package schema

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// ReadFreshness reads that of one collection, or of all if collectionID is 0.
// The verdicts of packages hold up to the newest repo in which they were
// resolved: when a base buildroot cannot be installed they stay.
func ReadFreshness(ctx context.Context, q postgres.Querier, collectionID int64) (map[int64]koschei.Freshness, error) {
	fresh := map[int64]koschei.Freshness{}
	rows, err := q.Query(ctx, `
		SELECT c.id, v.repo_id, n.repo_id, coalesce(newer.count, 0), coalesce(newer.broken, 0), newer.since
		FROM collection c
		LEFT JOIN LATERAL (
			`+VerdictsRepo+`
		) v ON true
		LEFT JOIN LATERAL (
			SELECT r.repo_id, r.create_event
			FROM repo r
			WHERE r.collection_id = c.id
			ORDER BY r.create_event DESC, r.repo_id DESC
			LIMIT 1
		) n ON true
		LEFT JOIN LATERAL (
			SELECT count(*) AS count, count(*) FILTER (WHERE r.resolved = 'unresolved') AS broken, min(r.created) AS since
			FROM repo r
			WHERE r.collection_id = c.id AND r.create_event > coalesce(v.create_event, n.create_event - 1)
		) newer ON true
		WHERE $1::bigint IN (0, c.id)`, collectionID)
	if err != nil {
		return nil, err
	}
	ids := map[int64][2]int64{} // of the repos, by collection
	var id int64
	var verdicts, newest *int64
	var newer, broken int
	var since *time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &verdicts, &newest, &newer, &broken, &since}, func() error {
		fresh[id] = koschei.Freshness{Newer: newer, Broken: broken, Since: postgres.OrZero(since)}
		ids[id] = [2]int64{postgres.OrZero(verdicts), postgres.OrZero(newest)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := readFreshRepos(ctx, q, fresh, ids); err != nil {
		return nil, err
	}
	return fresh, readReports(ctx, q, fresh, collectionID)
}

// readFreshRepos fills in the repos whose ids are given, the one of the
// verdicts and the newest.
func readFreshRepos(ctx context.Context, q postgres.Querier, fresh map[int64]koschei.Freshness, ids map[int64][2]int64) error {
	var collections, repos []int64
	for c, pair := range ids {
		collections, repos = append(collections, c, c), append(repos, pair[0], pair[1])
	}
	rows, err := q.Query(ctx, `
		SELECT `+RepoColumns+`
		FROM unnest($1::bigint[], $2::bigint[]) AS w (collection_id, repo_id)
		JOIN repo r ON r.collection_id = w.collection_id AND r.repo_id = w.repo_id`, collections, repos)
	if err != nil {
		return err
	}
	read, err := pgx.CollectRows(rows, ScanRepo)
	for _, repo := range read {
		f, pair := fresh[repo.CollectionID], ids[repo.CollectionID]
		if repo.RepoID == pair[0] {
			f.Verdicts = repo
		}
		if repo.RepoID == pair[1] {
			f.Newest = repo
		}
		fresh[repo.CollectionID] = f
	}
	return err
}

func readReports(ctx context.Context, q postgres.Querier, fresh map[int64]koschei.Freshness, collectionID int64) error {
	rows, err := q.Query(ctx, `
		SELECT collection_id, service, succeeded, remark, trouble, first_seen, last_seen, failures
		FROM collection_service
		WHERE $1::bigint IN (0, collection_id)
		ORDER BY collection_id, service`, collectionID)
	if err != nil {
		return err
	}
	var id int64
	var r koschei.ServiceReport
	var succeeded, first, last *time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &r.Service, &succeeded, &r.Remark, &r.Trouble, &first, &last, &r.Failures}, func() error {
		r.Succeeded, r.FirstSeen, r.LastSeen = postgres.OrZero(succeeded), postgres.OrZero(first), postgres.OrZero(last)
		f := fresh[id]
		f.Services = append(f.Services, r)
		fresh[id] = f
		return nil
	})
	return err
}
