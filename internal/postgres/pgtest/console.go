package pgtest

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Console runs statements behind the record's back, for what a test wants to
// set up or see. A statement that fails ends the test.
type Console struct {
	t    testing.TB
	pool *pgxpool.Pool
}

// NewConsole returns a console on the given database, closed when t ends.
func NewConsole(t testing.TB, cfg *pgxpool.Config) *Console {
	t.Helper()
	return &Console{t: t, pool: Connect(t, cfg)}
}

// Exec runs a statement that returns nothing.
func (c *Console) Exec(sql string, args ...any) {
	c.t.Helper()
	if _, err := c.pool.Exec(c.t.Context(), sql, args...); err != nil {
		c.t.Fatal(err)
	}
}

// Lines runs a statement that returns one column of text.
func (c *Console) Lines(sql string, args ...any) []string {
	c.t.Helper()
	rows, err := c.pool.Query(c.t.Context(), sql, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		c.t.Fatal(err)
	}
	return lines
}

// Number runs a statement that returns one number.
func (c *Console) Number(sql string, args ...any) int64 {
	c.t.Helper()
	var n int64
	if err := c.pool.QueryRow(c.t.Context(), sql, args...).Scan(&n); err != nil {
		c.t.Fatal(err)
	}
	return n
}
