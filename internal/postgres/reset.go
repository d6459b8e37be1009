package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Reset empties the database, schema and all. It is for the demo, whose hub
// forgets everything when it ends and would answer with other builds for the
// same ids the next time.
func (db *DB) Reset(ctx context.Context) error {
	err := db.Transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DROP SCHEMA public CASCADE; CREATE SCHEMA public`)
		return err
	})
	if err != nil {
		return fmt.Errorf("emptying the database: %w", err)
	}
	return nil
}
