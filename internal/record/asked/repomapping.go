package asked

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres"
)

// A RepoMapping is a repo of the secondary hub on its way to the primary one.
type RepoMapping struct {
	RepoID    int64 // at the secondary hub
	BuildTag  string
	Event     int64      // at the secondary hub
	Asked     time.Time  // when the primary hub was asked for a repo last
	AfterTask int64      // its newest task of the kind before that
	TaskID    int64      // 0 if not known
	PrimaryID int64      // of the repo at the primary hub; 0 until it is made
	Failures  int        // of attempts, one after the other
	Retry     *time.Time // if the last attempt failed: when the next may be made
}

const repoMappingColumns = `repo_id, build_tag, event, asked, after_task, coalesce(task_id, 0),
	coalesce(primary_repo_id, 0), failures, retry`

// RepoMappings returns the mapping of a build tag that is under way, and the
// newest that is done; nil where there is none.
func (mem *Memory) RepoMappings(ctx context.Context, buildTag string) (open, done *RepoMapping, err error) {
	rows, err := mem.db.Query(ctx, `
		(SELECT `+repoMappingColumns+`
		FROM repo_mapping
		WHERE build_tag = $1 AND primary_repo_id IS NULL)
		UNION ALL
		(SELECT `+repoMappingColumns+`
		FROM repo_mapping
		WHERE build_tag = $1 AND primary_repo_id IS NOT NULL
		ORDER BY event DESC, repo_id DESC
		LIMIT 1)`, buildTag)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the mapped repos of tag %s: %w", buildTag, err)
	}
	mappings, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[RepoMapping])
	if err != nil {
		return nil, nil, fmt.Errorf("reading the mapped repos of tag %s: %w", buildTag, err)
	}
	for _, m := range mappings {
		if m.PrimaryID == 0 {
			open = m
		} else {
			done = m
		}
	}
	return open, done, nil
}

// BeginRepoMapping writes down that the primary hub is about to be asked for a
// repo, for the first time or again. It takes the place of an attempt of the
// same tag that failed.
func (mem *Fenced) BeginRepoMapping(ctx context.Context, m *RepoMapping) error {
	err := mem.db.Transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			DELETE FROM repo_mapping
			WHERE build_tag = $1 AND repo_id <> $2 AND primary_repo_id IS NULL AND retry IS NOT NULL`, m.BuildTag, m.RepoID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO repo_mapping (repo_id, build_tag, event, asked, after_task, failures)
			VALUES (@repo, @build_tag, @event, @asked, @after_task, @failures)
			ON CONFLICT (repo_id) DO UPDATE
			SET asked = excluded.asked, after_task = excluded.after_task, task_id = NULL, retry = NULL`,
			pgx.NamedArgs{
				"repo": m.RepoID, "build_tag": m.BuildTag, "event": m.Event, "asked": m.Asked, "after_task": m.AfterTask,
				"failures": m.Failures,
			})
		return err
	})
	if err != nil {
		return fmt.Errorf("writing down the mapping of repo %d: %w", m.RepoID, err)
	}
	return nil
}

// SaveRepoMapping stores what became of the primary hub's task.
func (mem *Fenced) SaveRepoMapping(ctx context.Context, m *RepoMapping) error {
	err := mem.db.Transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			UPDATE repo_mapping
			SET task_id = nullif($2::bigint, 0), primary_repo_id = nullif($3::bigint, 0), failures = $4, retry = $5
			WHERE repo_id = $1`, m.RepoID, m.TaskID, m.PrimaryID, m.Failures, m.Retry)
		return err
	})
	if err != nil {
		return fmt.Errorf("storing the mapping of repo %d: %w", m.RepoID, err)
	}
	return nil
}

// PrimaryRepo returns the primary hub's repo that shows a repo of the
// secondary one. An error wraps koschei.ErrNotFound if there is none.
func (mem *Memory) PrimaryRepo(ctx context.Context, repoID int64) (primaryID int64, err error) {
	err = mem.db.QueryRow(ctx, `
		SELECT primary_repo_id
		FROM repo_mapping
		WHERE repo_id = $1 AND primary_repo_id IS NOT NULL`, repoID).Scan(&primaryID)
	return primaryID, postgres.NotFound(err, "repo %d at the primary hub", repoID)
}

// SecondaryRepo is the way back from PrimaryRepo.
func (mem *Memory) SecondaryRepo(ctx context.Context, primaryID int64) (repoID int64, err error) {
	err = mem.db.QueryRow(ctx, `SELECT repo_id FROM repo_mapping WHERE primary_repo_id = $1`, primaryID).Scan(&repoID)
	return repoID, postgres.NotFound(err, "repo %d of the primary hub in secondary mode", primaryID)
}
