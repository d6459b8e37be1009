package record

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// UnrecordedPackages returns the names of packages that builds are to be
// recorded of and that have none, at most limit.
func (rec *Record) UnrecordedPackages(ctx context.Context, collectionID int64, limit int) ([]string, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT name
		FROM package
		WHERE collection_id = $1 AND tracked AND NOT blocked AND last_build_id IS NULL
		ORDER BY name
		LIMIT $2`, collectionID, limit)
	if err != nil {
		return nil, fmt.Errorf("reading packages without a build: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
