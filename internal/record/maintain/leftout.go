package maintain

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// LeftOut returns the collections of whose latest repo entries of the metadata
// are left out, as nobody can read them, with the first three of them.
func (mt *Maintenance) LeftOut(ctx context.Context) ([]Stuck, error) {
	rows, err := mt.db.Query(ctx, `
		SELECT c.id, c.name, r.left_out, coalesce(r.solved, r.created), r.left_out_first[1:3]
		FROM collection c
		JOIN repo r ON r.collection_id = c.id AND r.repo_id = c.latest_repo_id
		WHERE r.left_out > 0
		ORDER BY c.name`)
	if err != nil {
		return nil, fmt.Errorf("reading what is left out of repos: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Stuck])
}
