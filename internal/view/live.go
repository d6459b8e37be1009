package view

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A Mark is a place in the order in which changes of states are told. That order
// never changes, and nothing is put in before a place that was reached: a change is
// told when no transaction that is older than its own is under way.
type Mark struct {
	Transaction int64
	ID          int64
}

// A ToldChange is a change of a package's state.
type ToldChange struct {
	Mark         Mark
	CollectionID int64
	Package      string
	Before       koschei.State
	State        koschei.State
	Changed      time.Time
}

const toldColumns = `
	SELECT s.xid::text::bigint, s.id, s.collection_id, p.name, s.prev, s.curr, s.changed
	FROM state_change s
	JOIN package p ON p.id = s.package_id
	WHERE s.xid < pg_snapshot_xmin(pg_current_snapshot())`

// After returns the first changes after a mark.
func (v *Timeline) After(ctx context.Context, after Mark, limit int) ([]ToldChange, error) {
	rows, err := v.db.Query(ctx, toldColumns+` AND (s.xid, s.id) > ($1::text::xid8, $2::bigint)
		ORDER BY s.xid, s.id
		LIMIT $3`, fmt.Sprint(after.Transaction), after.ID, limit)
	return collectTold(rows, err)
}

// Last returns the last changes there are, the oldest first.
func (v *Timeline) Last(ctx context.Context, limit int) ([]ToldChange, error) {
	rows, err := v.db.Query(ctx, toldColumns+`
		ORDER BY s.xid DESC, s.id DESC
		LIMIT $1`, limit)
	changes, err := collectTold(rows, err)
	slices.Reverse(changes)
	return changes, err
}

func collectTold(rows pgx.Rows, err error) ([]ToldChange, error) {
	if err != nil {
		return nil, fmt.Errorf("reading changes of states: %w", err)
	}
	changes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c ToldChange, err error) {
		err = row.Scan(&c.Mark.Transaction, &c.Mark.ID, &c.CollectionID, &c.Package, &c.Before, &c.State, &c.Changed)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading changes of states: %w", err)
	}
	return changes, nil
}
