package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// NoteSuccess stores that a service has done what there was to do for a
// collection, and what it has to say of it, "" if nothing. It ends the trouble
// it had. A success within a minute of the last one is not worth writing down.
func (db *DB) NoteSuccess(ctx context.Context, collectionID int64, service koschei.Service, remark string, now time.Time) error {
	_, err := db.exec(ctx, `
		INSERT INTO collection_service AS s (collection_id, service, succeeded, remark)
		SELECT id, $2, $4::timestamptz, $3
		FROM collection
		WHERE id = $1
		ON CONFLICT (collection_id, service) DO UPDATE
		SET succeeded = excluded.succeeded, remark = excluded.remark,
			trouble = '', first_seen = NULL, last_seen = NULL, failures = 0
		WHERE s.trouble <> '' OR s.remark <> excluded.remark OR s.succeeded IS NULL
			OR excluded.succeeded NOT BETWEEN s.succeeded AND s.succeeded + interval '1 minute'`,
		collectionID, service, remark, now)
	if err != nil {
		return fmt.Errorf("noting a success with collection %d: %w", collectionID, err)
	}
	return nil
}

// NoteTrouble stores why a service cannot do what there is to do for a
// collection, in a sentence for people.
func (db *DB) NoteTrouble(ctx context.Context, collectionID int64, service koschei.Service, trouble string, now time.Time) error {
	_, err := db.exec(ctx, `
		INSERT INTO collection_service AS s (collection_id, service, trouble, first_seen, last_seen, failures)
		SELECT id, $2, $3, $4, $4, 1
		FROM collection
		WHERE id = $1
		ON CONFLICT (collection_id, service) DO UPDATE
		SET trouble = excluded.trouble, first_seen = coalesce(s.first_seen, excluded.first_seen),
			last_seen = excluded.last_seen, failures = s.failures + 1`,
		collectionID, service, trouble, now)
	if err != nil {
		return fmt.Errorf("noting trouble with collection %d: %w", collectionID, err)
	}
	return nil
}

// NoteStart stores that a process has begun to run a service. The time is the
// database's.
func (db *DB) NoteStart(ctx context.Context, service koschei.Service, holder Holder) error {
	_, err := db.exec(ctx, `INSERT INTO service_start (service, holder) VALUES ($1, $2)`, service, holder)
	if err != nil {
		return fmt.Errorf("noting the start of %s: %w", service, err)
	}
	return nil
}

// NoteRepo stores that a repo of a collection's build tag is there, before it
// was looked at, and up to when the tag has not changed.
func (db *DB) NoteRepo(ctx context.Context, r *koschei.Repo) error {
	_, err := db.exec(ctx, `
		INSERT INTO repo (collection_id, repo_id, create_event, begin_event, end_event, created)
		SELECT id, $2, $3, $4, $5, $6
		FROM collection
		WHERE id = $1
		ON CONFLICT (collection_id, repo_id) DO UPDATE
		SET end_event = excluded.end_event
		WHERE repo.end_event < excluded.end_event`,
		r.CollectionID, r.RepoID, r.CreateEvent, r.BeginEvent, r.EndEvent, r.Created)
	if err != nil {
		return fmt.Errorf("noting repo %d: %w", r.RepoID, err)
	}
	return nil
}

// Freshness returns how fresh what is known of each collection is, by id.
func (db *DB) Freshness(ctx context.Context) (map[int64]koschei.Freshness, error) {
	var fresh map[int64]koschei.Freshness
	err := db.read(ctx, func(tx pgx.Tx) (err error) {
		fresh, err = readFreshness(ctx, tx, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading how fresh collections are: %w", err)
	}
	return fresh, nil
}

// verdictsRepo is the repo that the verdicts shown of a collection c are about.
const verdictsRepo = `SELECT r.repo_id, r.create_event
			FROM repo r
			WHERE r.collection_id = c.id AND r.resolved = 'resolved' AND r.create_event <= c.latest_repo_event
			ORDER BY r.create_event DESC, r.repo_id DESC
			LIMIT 1`

// readFreshness reads that of one collection, or of all if collectionID is 0.
// The verdicts of packages hold up to the newest repo in which they were
// resolved: when a base buildroot cannot be installed they stay.
func readFreshness(ctx context.Context, tx pgx.Tx, collectionID int64) (map[int64]koschei.Freshness, error) {
	fresh := map[int64]koschei.Freshness{}
	rows, err := tx.Query(ctx, `
		SELECT c.id, v.repo_id, n.repo_id, coalesce(newer.count, 0), coalesce(newer.broken, 0), newer.since
		FROM collection c
		LEFT JOIN LATERAL (
			`+verdictsRepo+`
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
		fresh[id] = koschei.Freshness{Newer: newer, Broken: broken, Since: orZero(since)}
		ids[id] = [2]int64{orZero(verdicts), orZero(newest)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := readFreshRepos(ctx, tx, fresh, ids); err != nil {
		return nil, err
	}
	return fresh, readReports(ctx, tx, fresh, collectionID)
}

// readFreshRepos fills in the repos whose ids are given, the one of the
// verdicts and the newest.
func readFreshRepos(ctx context.Context, tx pgx.Tx, fresh map[int64]koschei.Freshness, ids map[int64][2]int64) error {
	var collections, repos []int64
	for c, pair := range ids {
		collections, repos = append(collections, c, c), append(repos, pair[0], pair[1])
	}
	rows, err := tx.Query(ctx, `
		SELECT `+repoColumns+`
		FROM unnest($1::bigint[], $2::bigint[]) AS w (collection_id, repo_id)
		JOIN repo r ON r.collection_id = w.collection_id AND r.repo_id = w.repo_id`, collections, repos)
	if err != nil {
		return err
	}
	read, err := pgx.CollectRows(rows, scanRepo)
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

func readReports(ctx context.Context, tx pgx.Tx, fresh map[int64]koschei.Freshness, collectionID int64) error {
	rows, err := tx.Query(ctx, `
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
		r.Succeeded, r.FirstSeen, r.LastSeen = orZero(succeeded), orZero(first), orZero(last)
		f := fresh[id]
		f.Services = append(f.Services, r)
		fresh[id] = f
		return nil
	})
	return err
}
