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

// A TagCursor says up to where it is known what a collection's destination tag
// lists.
type TagCursor struct {
	CollectionID int64
	Basis        string    // what was asked; the rest means nothing for another one
	Event        int64     // up to which all is known
	FullAt       time.Time // when everything was asked for last
	Pending      []string  // packages that the hub could not speak about
	Seen         []string  // recent changes that were asked about, by their marks
}

// TagCursor returns a collection's cursor, nil if nothing is known yet.
func (mem *Memory) TagCursor(ctx context.Context, collectionID int64) (*TagCursor, error) {
	c := &TagCursor{CollectionID: collectionID}
	err := mem.db.QueryRow(ctx, `
		SELECT basis, event, full_at, pending, seen
		FROM tag_cursor
		WHERE collection_id = $1`, collectionID).Scan(&c.Basis, &c.Event, &c.FullAt, &c.Pending, &c.Seen)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading up to where a destination tag is known: %w", err)
	}
	return c, nil
}

// SaveTagCursor stores a collection's cursor; of one that is gone nothing.
func (mem *Memory) SaveTagCursor(ctx context.Context, c *TagCursor) error {
	err := mem.db.Transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO tag_cursor (collection_id, basis, event, full_at, pending, seen)
			SELECT id, @basis, @event, @full_at, @pending, @seen FROM collection WHERE id = @collection
			ON CONFLICT (collection_id) DO UPDATE
			SET basis = excluded.basis, event = excluded.event, full_at = excluded.full_at, pending = excluded.pending, seen = excluded.seen`,
			pgx.NamedArgs{
				"collection": c.CollectionID, "basis": c.Basis, "event": c.Event, "full_at": c.FullAt,
				"pending": postgres.NotNil(c.Pending), "seen": postgres.NotNil(c.Seen),
			})
		return err
	})
	if err != nil {
		return fmt.Errorf("storing up to where a destination tag is known: %w", err)
	}
	return nil
}

// RecentRepos returns the ids of the newest repos of a collection that are not
// known to be deleted.
func (mem *Memory) RecentRepos(ctx context.Context, collectionID int64, limit int) ([]int64, error) {
	ids, err := postgres.CollectIDs(mem.db.Query(ctx, `
		SELECT repo_id
		FROM repo
		WHERE collection_id = $1 AND state <> 'deleted'
		ORDER BY create_event DESC, repo_id DESC
		LIMIT $2`, collectionID, limit))
	if err != nil {
		return nil, fmt.Errorf("reading the newest repos: %w", err)
	}
	return ids, nil
}

// SaveRepoStates stores what the hub says of repos now: the events for which
// they are exact and whether they are still there.
func (mem *Memory) SaveRepoStates(ctx context.Context, repos []koschei.Repo) error {
	err := mem.db.Transact(ctx, func(tx pgx.Tx) error {
		var batch pgx.Batch
		for i := range repos {
			r := &repos[i]
			batch.Queue(`
				UPDATE repo
				SET state = $3, begin_event = $4, end_event = $5
				WHERE collection_id = $1 AND repo_id = $2 AND (state, begin_event, end_event) <> ($3, $4, $5)`,
				r.CollectionID, r.RepoID, r.State, r.BeginEvent, r.EndEvent)
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return fmt.Errorf("storing the states of %d repos: %w", len(repos), err)
	}
	return nil
}
