package edit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/schema"
)

// SetNotice puts a notice on every page; "" takes it off.
func (ed *Editor) SetNotice(ctx context.Context, act audit.Act, content string) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		was, err := lockNotice(ctx, tx)
		if err != nil {
			return err
		}
		return setNotice(ctx, tx, log, was, content)
	})
}

// lockNotice returns the notice, "" if there is none.
func lockNotice(ctx context.Context, tx pgx.Tx) (content string, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce((SELECT content FROM notice WHERE key = $1 FOR UPDATE), '')`, schema.NoticeKey).Scan(&content)
	if err != nil {
		return "", fmt.Errorf("reading the notice: %w", err)
	}
	return content, nil
}

func setNotice(ctx context.Context, tx pgx.Tx, log *audit.Log, was, content string) error {
	sql, message := `
		INSERT INTO notice (key, content)
		VALUES ($1, $2)
		ON CONFLICT (key) DO UPDATE SET content = $2
		WHERE notice.content <> $2`, "notice set to %q"
	if content == "" {
		sql, message = `DELETE FROM notice WHERE key = $1 AND content <> $2`, "notice cleared%s"
	}
	tag, err := tx.Exec(ctx, sql, schema.NoticeKey, content)
	if err != nil {
		return fmt.Errorf("changing the notice: %w", err)
	}
	if tag.RowsAffected() > 0 {
		log.AddField(audit.Field{Object: "notice", Name: "notice", Was: was, Became: content}, message, content)
	}
	return nil
}
