package schema

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// RepoColumns are those of koschei.Repo, of a table called r. ScanRepo reads them.
const RepoColumns = "r.collection_id, r.repo_id, r.create_event, r.begin_event, r.end_event, r.created, r.resolved, r.problems, r.packages, r.packages_failed, r.packages_changed, r.solved, r.state, r.left_out, r.left_out_first"

// ScanRepo reads RepoColumns.
func ScanRepo(row pgx.CollectableRow) (koschei.Repo, error) {
	var r koschei.Repo
	var solved *time.Time
	err := row.Scan(&r.CollectionID, &r.RepoID, &r.CreateEvent, &r.BeginEvent, &r.EndEvent, &r.Created, &r.Resolved, &r.Problems,
		&r.Packages, &r.PackagesFailed, &r.PackagesChanged, &solved, &r.State,
		&r.LeftOut, &r.LeftOutFirst)
	r.Solved = postgres.OrZero(solved)
	return r, err
}

// ReadRepo returns no more than the id of a repo that is not kept.
func ReadRepo(ctx context.Context, q postgres.Querier, collectionID, repoID int64) (koschei.Repo, error) {
	rows, err := q.Query(ctx, `SELECT `+RepoColumns+` FROM repo r WHERE r.collection_id = $1 AND r.repo_id = $2`, collectionID, repoID)
	if err != nil {
		return koschei.Repo{}, err
	}
	repo, err := pgx.CollectExactlyOneRow(rows, ScanRepo)
	if errors.Is(err, pgx.ErrNoRows) {
		return koschei.Repo{CollectionID: collectionID, RepoID: repoID}, nil
	}
	return repo, err
}
