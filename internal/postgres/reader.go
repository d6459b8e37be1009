package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Reader is a database that can only be read: its connections are of its own,
// and the server refuses every statement on them that writes.
type Reader struct{ db *DB }

// OpenReader returns a database for reading. It connects when it is asked.
func OpenReader(ctx context.Context, cfg *pgxpool.Config) (*Reader, error) {
	db, err := open(ctx, cfg, readerBounds, `SET default_transaction_read_only = on; SET default_transaction_isolation = 'repeatable read'`)
	if err != nil {
		return nil, err
	}
	return &Reader{db}, nil
}

// Close closes all connections, waiting for those in use.
func (r *Reader) Close() { r.db.Close() }

// Ready returns nil when this program can work on the database's schema; see
// DB.Ready.
func (r *Reader) Ready(ctx context.Context) error { return r.db.Ready(ctx) }

// Query asks one question.
func (r *Reader) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return r.db.Query(ctx, sql, args...)
}

// QueryRow is Query for one row.
func (r *Reader) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return r.db.QueryRow(ctx, sql, args...)
}

// SendBatch asks several questions at once, on one unchanging view of the whole
// record.
func (r *Reader) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return r.db.SendBatch(ctx, b)
}

// Read runs f on one unchanging view of the whole record.
func (r *Reader) Read(ctx context.Context, f func(q Querier) error) error {
	return r.db.Read(ctx, func(tx pgx.Tx) error { return f(tx) })
}

// Answer asks one question of an operator's own words, and hands on each row of
// the answer as the server writes it; nil is NULL. The first row are the names of
// the columns.
func (r *Reader) Answer(ctx context.Context, sql string, row func(values []*string) error) error {
	rows, err := r.Query(ctx, sql, pgx.QueryExecModeExec, pgx.QueryResultFormats{pgx.TextFormatCode})
	if err != nil {
		return err
	}
	defer rows.Close()
	var names []*string
	for _, column := range rows.FieldDescriptions() {
		names = append(names, &column.Name)
	}
	if err := row(names); err != nil {
		return err
	}
	for rows.Next() {
		values := make([]*string, len(names))
		for i, raw := range rows.RawValues() {
			if raw != nil {
				text := string(raw)
				values[i] = &text
			}
		}
		if err := row(values); err != nil {
			return err
		}
	}
	return rows.Err()
}
