package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// An AuditEntry is one change that somebody made.
type AuditEntry struct {
	ID          int64
	Logged      time.Time
	Actor       string
	Environment string
	Collection  string // "" if it concerns none
	Package     string // "" if it concerns none
	Message     string

	// Field is what was changed if it was one thing, with its value before and after;
	// else "".
	Field  string
	Was    string
	Became string
}

const entryColumns = `collection, package, message, field, was, became`

// Audit returns the newest entries first; pkg "" means of everything.
func (v *People) Audit(ctx context.Context, pkg string, limit int) ([]AuditEntry, error) {
	rows, err := v.db.Query(ctx, `
		SELECT id, logged, actor, environment, `+entryColumns+`
		FROM audit
		WHERE $1 = '' OR package = $1
		ORDER BY id DESC
		LIMIT $2`, pkg, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[AuditEntry])
}
