package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// SetNotice puts a notice on every page; "" takes it off.
func (db *DB) SetNotice(ctx context.Context, act Act, content string) ([]string, error) {
	return db.change(ctx, act, func(tx pgx.Tx, log *audit) error {
		sql, message := `
			INSERT INTO notice (key, content)
			VALUES ($1, $2)
			ON CONFLICT (key) DO UPDATE SET content = $2
			WHERE notice.content <> $2`, "notice set to %q"
		if content == "" {
			sql, message = `DELETE FROM notice WHERE key = $1 AND content <> $2`, "notice cleared%s"
		}
		tag, err := tx.Exec(ctx, sql, noticeKey, content)
		if err != nil {
			return fmt.Errorf("changing the notice: %w", err)
		}
		if tag.RowsAffected() > 0 {
			log.add("", "", message, content)
		}
		return nil
	})
}
