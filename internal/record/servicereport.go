package record

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// NoteSuccess stores that a service has done what there was to do for a
// collection, and what it has to say of it, "" if nothing. It ends the trouble
// it had. A success within a minute of the last one is not worth writing down.
func (rec *Record) NoteSuccess(ctx context.Context, collectionID int64, service koschei.Service, remark string, now time.Time) error {
	_, err := rec.db.ExecOne(ctx, `
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
func (rec *Record) NoteTrouble(ctx context.Context, collectionID int64, service koschei.Service, trouble string, now time.Time) error {
	_, err := rec.db.ExecOne(ctx, `
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
func (rec *Record) NoteStart(ctx context.Context, service koschei.Service, holder postgres.Holder) error {
	_, err := rec.db.ExecOne(ctx, `INSERT INTO service_start (service, holder) VALUES ($1, $2)`, service, holder)
	if err != nil {
		return fmt.Errorf("noting the start of %s: %w", service, err)
	}
	return nil
}

// NoteRepo stores that a repo of a collection's build tag is there, before it
// was looked at, and up to when the tag has not changed.
func (rec *Record) NoteRepo(ctx context.Context, r *koschei.Repo) error {
	_, err := rec.db.ExecOne(ctx, `
		INSERT INTO repo (collection_id, repo_id, create_event, begin_event, end_event, created)
		SELECT id, @repo, @create_event, @begin_event, @end_event, @created
		FROM collection
		WHERE id = @collection
		ON CONFLICT (collection_id, repo_id) DO UPDATE
		SET end_event = excluded.end_event
		WHERE repo.end_event < excluded.end_event`,
		pgx.NamedArgs{
			"collection": r.CollectionID, "repo": r.RepoID, "create_event": r.CreateEvent, "begin_event": r.BeginEvent,
			"end_event": r.EndEvent, "created": r.Created,
		})
	if err != nil {
		return fmt.Errorf("noting repo %d: %w", r.RepoID, err)
	}
	return nil
}
