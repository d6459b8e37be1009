package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// SetAdmin gives a user, who is made if need be, the rights of an
// administrator, or takes them away from one there is.
func (db *DB) SetAdmin(ctx context.Context, act Act, user string, admin bool) ([]string, error) {
	return db.change(ctx, act, func(tx pgx.Tx, log *audit) error {
		id, err := userFor(ctx, tx, user, admin)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE users SET admin = $2 WHERE id = $1 AND admin <> $2`, id, admin)
		if err != nil {
			return fmt.Errorf("storing user %s: %w", user, err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		if admin {
			log.add("", "", "user %s is an administrator", user)
		} else {
			log.add("", "", "user %s is no longer an administrator", user)
		}
		return nil
	})
}

func userFor(ctx context.Context, tx pgx.Tx, name string, make bool) (id int64, err error) {
	if make {
		return ensureUser(ctx, tx, name)
	}
	err = tx.QueryRow(ctx, `SELECT id FROM users WHERE name = $1`, name).Scan(&id)
	return id, notFound(err, "user %s", name)
}

// Admins returns the names of all administrators, sorted.
func (db *DB) Admins(ctx context.Context) ([]string, error) {
	rows, err := db.pool.Query(ctx, `SELECT name FROM users WHERE admin ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("reading administrators: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
