package settle

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// WakeFor is postgres.Wake for the collections of packages.
func WakeFor(ctx context.Context, tx pgx.Tx, packageIDs []int64, services ...koschei.Service) error {
	_, err := tx.Exec(ctx, `
		SELECT pg_notify($1 || s.name, c.id::text)
		FROM unnest($2::text[]) AS s (name)
		CROSS JOIN (SELECT DISTINCT collection_id FROM package WHERE id = ANY($3)) AS c (id)`,
		postgres.WakeChannel, services, packageIDs)
	if err != nil {
		return fmt.Errorf("waking services: %w", err)
	}
	return nil
}
