package view

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A Mark is a place in the order in which changes of states are told. That order
// never changes, and nothing is put in before a place that was reached: a change is
// told when no transaction that is older than its own is under way.
type Mark struct {
	Transaction int64
	ID          int64
}

// String is the mark as clients keep it.
func (m Mark) String() string { return fmt.Sprintf("%d-%d", m.Transaction, m.ID) }

// ParseMark reads what String has written.
func ParseMark(text string) (Mark, error) {
	before, behind, ok := strings.Cut(text, "-")
	transaction, err := strconv.ParseUint(before, 10, 63)
	id, err2 := strconv.ParseUint(behind, 10, 63)
	if !ok || err != nil || err2 != nil {
		return Mark{}, fmt.Errorf("%q is no id of an event: %w", text, koschei.ErrInvalid)
	}
	return Mark{Transaction: int64(transaction), ID: int64(id)}, nil
}

// A ToldChange is a change of a package's state.
type ToldChange struct {
	Mark         Mark
	CollectionID int64
	Collection   string
	Package      string
	Before       koschei.State
	State        koschei.State
	Changed      time.Time
}

const toldColumns = `
	SELECT s.xid::text::bigint, s.id, s.collection_id, c.name, p.name, s.prev, s.curr, s.changed
	FROM state_change s
	JOIN package p ON p.id = s.package_id
	JOIN collection c ON c.id = s.collection_id
	WHERE s.xid < pg_snapshot_xmin(pg_current_snapshot())`

// After returns the first changes after a mark, in some collections or in all if
// there are none.
func (v *Timeline) After(ctx context.Context, collections []string, after Mark, limit int) ([]ToldChange, error) {
	rows, err := v.db.Query(ctx, toldColumns+` AND (s.xid, s.id) > ($1::text::xid8, $2::bigint)
			AND (cardinality($4::text[]) = 0 OR c.name = ANY($4))
		ORDER BY s.xid, s.id
		LIMIT $3`, fmt.Sprint(after.Transaction), after.ID, limit, postgres.NotNil(collections))
	return collectTold(rows, err)
}

// MarkOf returns the place of the change of that id, or of the one before where
// it is not kept: zero if there is none.
func (v *Timeline) MarkOf(ctx context.Context, id int64) (at Mark, err error) {
	err = v.db.QueryRow(ctx, `
		SELECT xid::text::bigint, id
		FROM state_change
		WHERE id <= $1
		ORDER BY id DESC
		LIMIT 1`, id).Scan(&at.Transaction, &at.ID)
	if err = unlessNone(err); err != nil {
		return Mark{}, fmt.Errorf("reading change %d of a state: %w", id, err)
	}
	return at, nil
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
		err = row.Scan(&c.Mark.Transaction, &c.Mark.ID, &c.CollectionID, &c.Collection, &c.Package, &c.Before, &c.State, &c.Changed)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading changes of states: %w", err)
	}
	return changes, nil
}
