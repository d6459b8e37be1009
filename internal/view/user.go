package view

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Admins returns the names of all administrators, sorted.
func (v *View) Admins(ctx context.Context) ([]string, error) {
	rows, err := v.db.Query(ctx, `SELECT name FROM users WHERE admin ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("reading administrators: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
