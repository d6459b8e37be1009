package record

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A RepoReport is what resolving a repo came to.
type RepoReport struct {
	Repo    koschei.Repo
	Changes []depset.SourceChange // against the repo before it; nil, and left as stored, if that is not known

	// Unanswered are packages that were to be resolved but could not be tried.
	Unanswered []int64
}

// StoreRepo notes that a repo was looked at, and makes it the collection's
// latest unless that is a newer one. What was not tried in it is due as soon as
// it can be. Storing a repo again replaces what was stored.
func (rec *Fenced) StoreRepo(ctx context.Context, report *RepoReport) error {
	repo := &report.Repo
	err := rec.db.Transact(ctx, func(tx pgx.Tx) error {
		if err := built.LockInterned(ctx, tx); err != nil {
			return err
		}
		c, err := schema.OneCollectionByID(ctx, tx, repo.CollectionID, schema.Locked)
		if err != nil {
			return err
		}
		if err := upsertRepo(ctx, tx, repo); err != nil {
			return err
		}
		if err := rec.replaceRepoChanges(ctx, tx, report); err != nil {
			return err
		}
		if c.LatestRepoEvent > repo.CreateEvent {
			return nil
		}
		if err := makeLatest(ctx, tx, c, repo); err != nil {
			return err
		}
		if repo.Resolved == koschei.Resolved {
			if err := postgres.Wake(ctx, tx, c.ID, koschei.ServiceScheduler); err != nil {
				return err
			}
			if err := endUnmet(ctx, tx, c.ID, repo.Solved); err != nil {
				return err
			}
			if err := noteUpdates(ctx, tx, repo); err != nil {
				return err
			}
			return forgetUntried(ctx, tx, c.ID, report.Unanswered)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing repo %d: %w", repo.RepoID, err)
	}
	return nil
}

func upsertRepo(ctx context.Context, tx pgx.Tx, r *koschei.Repo) error {
	// While it was resolved others may have heard that it is exact for longer.
	_, err := tx.Exec(ctx, `
		INSERT INTO repo (collection_id, repo_id, create_event, begin_event, end_event, created, resolved, problems,
			packages, packages_failed, packages_changed, solved, left_out, left_out_first)
		VALUES (@collection, @repo, @create_event, @begin_event, @end_event, @created, @resolved, @problems,
			@packages, @failed, @changed, @solved, @left_out, @left_out_first)
		ON CONFLICT (collection_id, repo_id) DO UPDATE
		SET create_event = excluded.create_event, begin_event = excluded.begin_event,
			end_event = greatest(repo.end_event, excluded.end_event),
			created = excluded.created, resolved = excluded.resolved, problems = excluded.problems,
			packages = excluded.packages, packages_failed = excluded.packages_failed,
			packages_changed = excluded.packages_changed, solved = excluded.solved,
			left_out = excluded.left_out, left_out_first = excluded.left_out_first`,
		pgx.NamedArgs{
			"collection": r.CollectionID, "repo": r.RepoID, "create_event": r.CreateEvent, "begin_event": r.BeginEvent, "end_event": r.EndEvent,
			"created": r.Created, "resolved": r.Resolved, "problems": postgres.NotNil(r.Problems),
			"packages": r.Packages, "failed": r.PackagesFailed, "changed": r.PackagesChanged, "solved": r.Solved,
			"left_out": r.LeftOut, "left_out_first": postgres.NotNil(r.LeftOutFirst),
		})
	return err
}

func (rec *Record) replaceRepoChanges(ctx context.Context, tx pgx.Tx, report *RepoReport) error {
	if report.Changes == nil {
		return nil
	}
	repo := &report.Repo
	_, err := tx.Exec(ctx, `DELETE FROM repo_change WHERE collection_id = $1 AND repo_id = $2`, repo.CollectionID, repo.RepoID)
	if err != nil || len(report.Changes) == 0 {
		return err
	}
	var used []int32
	for _, c := range report.Changes {
		for _, id := range slices.Concat(c.Prev, c.Curr) {
			if id != 0 {
				used = append(used, id)
			}
		}
	}
	if err := rec.Sets.CheckInterned(ctx, tx, slices.Values(used)); err != nil {
		return err
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"repo_change"}, []string{"collection_id", "repo_id", "source", "prev", "curr", "reached"},
		pgx.CopyFromSlice(len(report.Changes), func(i int) ([]any, error) {
			c := &report.Changes[i]
			var reached []byte
			if len(c.Reached) > 0 {
				reached = rec.sets.Encode(c.Reached)
			}
			return []any{repo.CollectionID, repo.RepoID, c.Source, c.Prev, c.Curr, reached}, nil
		}))
	return err
}

// makeLatest makes repo the latest of c, which is locked, and tells the world
// if c's state is another now.
func makeLatest(ctx context.Context, tx pgx.Tx, c *koschei.Collection, repo *koschei.Repo) error {
	old := c.State()
	c.LatestRepoID, c.LatestRepoEvent, c.LatestRepoResolved = repo.RepoID, repo.CreateEvent, repo.Resolved
	_, err := tx.Exec(ctx, `
		UPDATE collection
		SET latest_repo_id = $2, latest_repo_event = $3, latest_repo_resolved = $4
		WHERE id = $1`, c.ID, c.LatestRepoID, c.LatestRepoEvent, c.LatestRepoResolved)
	if err != nil || c.State() == old {
		return err
	}
	return settle.NoteCollection(ctx, tx, c, old, repo.Solved)
}

// forgetUntried makes packages due that were not tried in the latest repo:
// those named, and those that nobody wants resolved at the moment, for when
// that changes.
func forgetUntried(ctx context.Context, tx pgx.Tx, collectionID int64, unanswered []int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE package p
		SET resolved_build_id = NULL
		WHERE p.collection_id = $1 AND p.resolved_build_id IS NOT NULL AND (NOT (`+schema.Eligible+`) OR p.id = ANY($2))`,
		collectionID, unanswered)
	return err
}
