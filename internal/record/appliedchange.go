package record

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/record/built"
)

// SaveBuildDependencies stores what builds were made with, once and for good,
// their input identity, and what had changed since the build before each.
// Builds may be resolved in any order: the changes of the build after one are
// made anew. Builds whose dependencies are known already are left alone; the
// others are counted.
//
// A set of ids that are not interned any more is koschei.ErrConflict.
func (rec *Fenced) SaveBuildDependencies(ctx context.Context, builds []built.BuildDependencies) (stored int, err error) {
	err = rec.db.Transact(ctx, func(tx pgx.Tx) error {
		stored, err = rec.Sets.SaveBuildDependencies(ctx, tx, builds)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("storing the dependencies of %d builds: %w", len(builds), err)
	}
	return stored, nil
}
