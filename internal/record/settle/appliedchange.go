package settle

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres"
)

// Broke tells of a build (of alias b) whether it failed and the one that ended
// before it had not.
const Broke = `CASE WHEN b.outcome = 'failed' THEN coalesce((
		SELECT e.outcome
		FROM build e
		WHERE e.package_id = b.package_id AND (e.event, e.id) < (b.event, b.id) AND e.outcome IN ('complete', 'failed')
		ORDER BY e.event DESC, e.id DESC
		LIMIT 1) = 'complete', false) ELSE false END`

// refreshBroke makes the changes of packages' builds say which of these broke.
func refreshBroke(ctx context.Context, tx pgx.Tx, packageIDs []int64) error {
	these, arg := postgres.InIDs("b.package_id", packageIDs)
	_, err := tx.Exec(ctx, `
		UPDATE applied_change a
		SET broke = NOT a.broke
		FROM build b
		WHERE `+these+` AND a.build_id = b.id AND a.broke <> `+Broke, arg)
	if err != nil {
		return fmt.Errorf("noting which builds broke: %w", err)
	}
	return nil
}
