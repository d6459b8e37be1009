package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// What the tests, which live outside the package to use pgtest, see of it.

func NewestMigration() int64 { return newestMigration() }

func (db *DB) Transact(ctx context.Context, f func(tx pgx.Tx) error) error {
	return db.transact(ctx, f)
}
