package pgtest

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ServerProcesses are the ids of the server's processes that serve the record.
func (w *World) ServerProcesses() []string {
	w.t.Helper()
	return w.sql.Lines(`SELECT pid::text FROM pg_stat_activity WHERE datname = current_database()`)
}

// ServerProcess is the id of one that serves this World.
func (w *World) ServerProcess() int64 {
	w.t.Helper()
	return w.sql.Number(`SELECT pg_backend_pid()`)
}

// SizeMiB is how much the database takes on disk.
func (w *World) SizeMiB() int64 {
	w.t.Helper()
	return w.sql.Number(`SELECT pg_database_size(current_database()) >> 20`)
}

// Analyze brings the statistics up to date that plans go by.
func (w *World) Analyze() {
	w.t.Helper()
	w.sql.Exec(`ANALYZE`)
}

// Victim is the id of a process that serves Koschei, one that is at work if
// there is any. The server may be in trouble.
func (w *World) Victim(ctx context.Context) (pid int, err error) {
	err = w.sql.pool.QueryRow(ctx, `
		SELECT pid
		FROM pg_stat_activity
		WHERE application_name = 'koschei' AND pid <> pg_backend_pid()
		ORDER BY state = 'idle', random()
		LIMIT 1`).Scan(&pid)
	return pid, err
}

// EndConnections ends about half of Koschei's connections and returns how many
// that were. The server may be in trouble.
func (w *World) EndConnections(ctx context.Context) (n int, err error) {
	err = w.sql.pool.QueryRow(ctx, `
		SELECT count(pg_terminate_backend(pid))
		FROM pg_stat_activity
		WHERE application_name = 'koschei' AND random() < 0.5`).Scan(&n)
	return n, err
}

// CountStatements has the server count from now on what statements cost.
func (w *World) CountStatements() {
	w.t.Helper()
	w.sql.Exec(`CREATE EXTENSION pg_stat_statements`)
	w.sql.Exec(`SELECT pg_stat_statements_reset()`)
}

// CostlyStatements describes those that have cost most since, at most so many.
// The times are on the clock, waits included.
func (w *World) CostlyStatements(limit int) []string {
	w.t.Helper()
	return w.sql.Lines(`
		SELECT format('%s s in %s calls, planning %s s, %s rows, %s blocks: %s',
			round(total_exec_time::numeric / 1000, 1), calls, round(total_plan_time::numeric / 1000, 1), rows, shared_blks_hit,
			left(regexp_replace(query, '\s+', ' ', 'g'), 120))
		FROM pg_stat_statements
		ORDER BY total_exec_time + total_plan_time DESC
		LIMIT $1`, limit)
}

// EndAllConnections ends all of Koschei's connections, as a server does that
// becomes another.
func (w *World) EndAllConnections(ctx context.Context) error {
	_, err := w.sql.pool.Exec(ctx, `
		SELECT pg_terminate_backend(pid)
		FROM pg_stat_activity
		WHERE application_name = 'koschei' AND datname = current_database() AND pid <> pg_backend_pid()`)
	return err
}

// SetReadOnly has connections that are made from now on refuse to write, as those
// of a managed server whose disk is full, or has them write again. The server may
// be in trouble.
func (w *World) SetReadOnly(ctx context.Context, on bool) error {
	_, err := w.sql.pool.Exec(ctx, fmt.Sprintf(`BEGIN READ WRITE; ALTER DATABASE %s SET default_transaction_read_only = %t; COMMIT`,
		pgx.Identifier{w.cfg.ConnConfig.Database}.Sanitize(), on))
	return err
}

// JumpClock makes all that the server's clock has written down look as if the clock
// had been set forth, or back if by is negative. The server may be in trouble.
func (w *World) JumpClock(ctx context.Context, by time.Duration) error {
	const shift = `
		WITH shifted AS (UPDATE lease SET expires = expires - $1::interval), begun AS (UPDATE service_start SET started = started - $1::interval)
		UPDATE owner_source SET fetched = fetched - $1::interval`
	_, err := w.sql.pool.Exec(ctx, shift, by)
	return err
}

// ServerTime is what the server's clock says.
func (w *World) ServerTime() time.Time {
	w.t.Helper()
	return time.UnixMicro(w.sql.Number(`SELECT (extract(epoch FROM clock_timestamp()) * 1e6)::bigint`))
}
