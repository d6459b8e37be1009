package settle

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// ResolveAgain makes the packages of builds due, because what their changes
// are counted from may be another build now. They must be locked.
func ResolveAgain(ctx context.Context, tx pgx.Tx, buildIDs []int64) error {
	due, err := postgres.CollectIDs(tx.Query(ctx, `
		UPDATE package p
		SET resolved_build_id = NULL
		FROM build b
		WHERE b.id = ANY($1) AND p.id = b.package_id AND b.outcome IN ('complete', 'failed')
			AND p.resolved_build_id IS NOT NULL
		RETURNING p.id`, buildIDs))
	if err != nil || len(due) == 0 {
		return err
	}
	return WakeFor(ctx, tx, due, koschei.ServiceRepoResolver)
}
