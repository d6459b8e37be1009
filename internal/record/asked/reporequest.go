package asked

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A RequestState says where a RepoRequest stands.
type RequestState string

// The states of requests.
const (
	RequestAsking RequestState = "asking"
	RequestMade   RequestState = "made"
	RequestFailed RequestState = "failed"
)

// A RepoRequest is a repo of the past that a hub was asked for again.
type RepoRequest struct {
	Hub       koschei.Hub
	BuildTag  string
	Event     int64
	State     RequestState
	RequestID int64      // 0 if not known
	TaskID    int64      // 0 unless the hub was asked for a task
	RepoID    int64      // 0 unless it is made
	Tasked    *time.Time // when the hub was asked for the task last
	Asked     time.Time
}

// RepoRequest returns the request for a repo of a tag as of an event. An error
// wraps koschei.ErrNotFound if there was none.
func (mem *Memory) RepoRequest(ctx context.Context, hub koschei.Hub, buildTag string, event int64) (*RepoRequest, error) {
	r := &RepoRequest{Hub: hub, BuildTag: buildTag, Event: event}
	err := mem.db.QueryRow(ctx, `
		SELECT state, coalesce(request_id, 0), coalesce(task_id, 0), coalesce(repo_id, 0), tasked, asked
		FROM repo_request
		WHERE hub = $1 AND build_tag = $2 AND event = $3`, hub, buildTag, event).
		Scan(&r.State, &r.RequestID, &r.TaskID, &r.RepoID, &r.Tasked, &r.Asked)
	if err != nil {
		return nil, postgres.NotFound(err, "request for a repo of tag %s at event %d", buildTag, event)
	}
	return r, nil
}

// OpenRepoRequests counts the requests that a hub has not answered yet.
func (mem *Memory) OpenRepoRequests(ctx context.Context, hub koschei.Hub) (open int, err error) {
	err = mem.db.QueryRow(ctx, `SELECT count(*) FROM repo_request WHERE hub = $1 AND state = 'asking'`, hub).Scan(&open)
	if err != nil {
		return 0, fmt.Errorf("counting requests for repos: %w", err)
	}
	return open, nil
}

// SaveRepoRequest stores a request, a new one or how it goes.
func (mem *Fenced) SaveRepoRequest(ctx context.Context, r *RepoRequest) error {
	err := mem.db.Transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO repo_request (hub, build_tag, event, state, request_id, task_id, repo_id, tasked, asked)
			VALUES (@hub, @build_tag, @event, @state, nullif(@request::bigint, 0), nullif(@task::bigint, 0), nullif(@repo::bigint, 0), @tasked, @asked)
			ON CONFLICT (hub, build_tag, event) DO UPDATE
			SET state = excluded.state, request_id = excluded.request_id, task_id = excluded.task_id,
				repo_id = excluded.repo_id, tasked = excluded.tasked`,
			pgx.NamedArgs{
				"hub": r.Hub, "build_tag": r.BuildTag, "event": r.Event, "state": r.State, "request": r.RequestID,
				"task": r.TaskID, "repo": r.RepoID, "tasked": r.Tasked, "asked": r.Asked,
			})
		return err
	})
	if err != nil {
		return fmt.Errorf("storing the request for a repo of tag %s at event %d: %w", r.BuildTag, r.Event, err)
	}
	return nil
}

// HubRefused returns when a hub last did not let us do something; zero if it
// never did not.
func (mem *Memory) HubRefused(ctx context.Context, hub koschei.Hub, what string) (at time.Time, err error) {
	err = mem.db.QueryRow(ctx, `SELECT refused FROM hub_refusal WHERE hub = $1 AND what = $2`, hub, what).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("reading whether the hub refused %s: %w", what, err)
	}
	return at, nil
}

// NoteHubRefusal stores that a hub did not let us do something.
func (mem *Fenced) NoteHubRefusal(ctx context.Context, hub koschei.Hub, what string, now time.Time) error {
	err := mem.db.Transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO hub_refusal (hub, what, refused)
			VALUES ($1, $2, $3)
			ON CONFLICT (hub, what) DO UPDATE SET refused = excluded.refused`, hub, what, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("storing that the hub refused %s: %w", what, err)
	}
	return nil
}
