package pgtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A World is a record that a test fills and reads directly, past what packages
// record and edit allow. All SQL of tests of packages without SQL is in its
// methods.
//
// Methods named after a noun add a row and return its id; Set… changes rows
// that are there, and none that match ends the test; Remove… deletes them.
// Methods named after several of a thing read all of them, as plain structs in
// a fixed order. A statement that fails ends the test.
type World struct {
	t   testing.TB
	cfg *pgxpool.Config
	sql *Console
}

// NewWorld returns an empty record on a database of its own.
func NewWorld(t testing.TB) *World {
	t.Helper()
	return WorldOf(t, Database(t))
}

// WorldOf returns the record in the given database.
func WorldOf(t testing.TB, cfg *pgxpool.Config) *World {
	t.Helper()
	return &World{t: t, cfg: cfg, sql: NewConsole(t, cfg)}
}

// Open returns a DB on the record, closed when the test ends.
func (w *World) Open() *DB {
	w.t.Helper()
	return Open(w.t, w.cfg)
}

// columns are the values of a row that is added or changed. A value that is an
// expression is SQL.
type columns struct {
	names  []string
	values []any
}

type expression string

func (c *columns) set(name string, value any) {
	for i, n := range c.names {
		if n == name {
			c.values[i] = value
			return
		}
	}
	c.names, c.values = append(c.names, name), append(c.values, value)
}

// value is what a column was set to, nil if it was not.
func (c *columns) value(name string) any {
	for i, n := range c.names {
		if n == name {
			return c.values[i]
		}
	}
	return nil
}

// terms returns the values as SQL, and the arguments of a statement whose first
// ones are already given.
func (c *columns) terms(given ...any) (terms []string, args []any) {
	args = given
	for _, v := range c.values {
		if sql, ok := v.(expression); ok {
			terms = append(terms, string(sql))
			continue
		}
		args = append(args, v)
		terms = append(terms, fmt.Sprintf("$%d", len(args)))
	}
	return terms, args
}

// insert adds a row and returns its id.
func (w *World) insert(table string, c *columns) int64 {
	w.t.Helper()
	terms, args := c.terms()
	return w.sql.Number(fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) RETURNING id",
		table, strings.Join(quoted(c.names), ", "), strings.Join(terms, ", ")), args...)
}

// update changes the rows that a condition is true of; there must be some.
func (w *World) update(table string, c *columns, where string, given ...any) {
	w.t.Helper()
	terms, args := c.terms(given...)
	for i, name := range quoted(c.names) {
		terms[i] = name + " = " + terms[i]
	}
	n := w.sql.Number(fmt.Sprintf("WITH changed AS (UPDATE %s SET %s WHERE %s RETURNING 1) SELECT count(*) FROM changed",
		table, strings.Join(terms, ", "), where), args...)
	if n == 0 {
		w.t.Fatalf("there is no %s with %s, %v", table, where, given)
	}
}

func quoted(names []string) []string {
	var all []string
	for _, name := range names {
		all = append(all, pgx.Identifier{name}.Sanitize())
	}
	return all
}

// read returns the rows of a statement, whose columns are named as the fields.
func read[T any](w *World, sql string, args ...any) []T {
	w.t.Helper()
	rows, err := w.sql.pool.Query(w.t.Context(), sql, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[T])
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// never is what times are read as that are not set: Go's zero time.
const never = `'0001-01-01 00:00:00+00'::timestamptz`
