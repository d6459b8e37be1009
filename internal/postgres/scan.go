package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// QueryNames returns one column of names, sorted.
func QueryNames(ctx context.Context, q Querier, sql string, args ...any) ([]string, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	slices.Sort(names)
	return names, err
}

// OrNull is null in SQL for the zero time.
func OrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// OrZero is what a null in SQL is read as.
func OrZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// CollectIDs reads one column of ids. It takes what Query returns.
func CollectIDs(rows pgx.Rows, err error) ([]int64, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// NotNil keeps a missing list from being null in SQL.
func NotNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// InIDs is the condition that a column is one of the ids, and what parameter $1
// in it is. Builds change one by one: a statement about one id the server plans
// once, but one about a list each time, since it supposes that lists are longer.
func InIDs(column string, ids []int64) (condition string, arg any) {
	if len(ids) == 1 {
		return column + " = $1", ids[0]
	}
	return column + " = ANY($1)", ids
}
