package record

import (
	"context"
	"fmt"
)

// RepoWanted tells whether it matters to anybody what the builds of a
// collection were made with that wait to be resolved in a repo: whether one of
// them is what the changes of a package that is looked after are counted from.
func (rec *Record) RepoWanted(ctx context.Context, collectionID, repoID int64) (wanted bool, err error) {
	err = rec.db.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT 1
			FROM build b
			JOIN package p ON p.id = b.package_id
			WHERE b.deps = 'pending' AND b.repo_id = $2 AND p.collection_id = $1 AND p.tracked AND NOT p.blocked
				AND b.id IN (p.last_build_id, p.last_complete_build_id))`, collectionID, repoID).Scan(&wanted)
	if err != nil {
		return false, fmt.Errorf("reading whether repo %d is wanted: %w", repoID, err)
	}
	return wanted, nil
}
