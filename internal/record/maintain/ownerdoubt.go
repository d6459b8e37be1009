package maintain

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// An OwnerDoubt is what a list of owners says and is not believed.
type OwnerDoubt struct {
	What  string // "owners", or "group NAME"
	Why   string
	Since time.Time // the database's own time
}

// OwnerDoubts returns what of lists of owners is not believed.
func (mt *Maintenance) OwnerDoubts(ctx context.Context) ([]OwnerDoubt, error) {
	rows, err := mt.db.Query(ctx, `SELECT what, why, since FROM owner_doubt ORDER BY what`)
	if err != nil {
		return nil, fmt.Errorf("reading what owners are not believed: %w", err)
	}
	doubts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OwnerDoubt])
	if err != nil {
		return nil, fmt.Errorf("reading what owners are not believed: %w", err)
	}
	return doubts, nil
}
