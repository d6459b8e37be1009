package pgtest

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/cluster"
)

// Scale returns how to connect to the record that "make scale" makes, which the
// environment variable KOSCHEI_SCALE names: a URL, or a directory for a private
// cluster, which runs until t ends. Without the variable t is skipped.
func Scale(t testing.TB) *pgxpool.Config {
	t.Helper()
	name := os.Getenv("KOSCHEI_SCALE")
	switch {
	case name == "":
		t.Skip("set KOSCHEI_SCALE to a database URL, or to a directory for a private cluster")
	case strings.Contains(name, "://"):
		cfg, err := postgres.ParseURL(name)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	dir, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Start(t.Context(), dir, slog.New(slog.DiscardHandler))
	if errors.Is(err, cluster.ErrRunning) {
		c, err = cluster.Join(t.Context(), dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c.PoolConfig()
}

// A Load is a record under load: it is asked, and what that costs is measured.
type Load struct {
	DB          *DB
	Statements  *Statements
	Collections []string  // names, in the order pages show them
	Packages    []string  // some names
	Builds      []int64   // some
	Newest      time.Time // when the last build started

	pool *pgxpool.Pool
}

// NewLoad opens a database to be asked for at most limit packages and builds,
// always the same.
func NewLoad(t testing.TB, cfg *pgxpool.Config, limit int) *Load {
	t.Helper()
	l := &Load{pool: Connect(t, cfg)}
	cfg, l.Statements = Counting(cfg)
	l.DB = Open(t, cfg)
	if err := l.DB.PG.Migrate(t.Context(), func(postgres.Migration) {}); err != nil {
		t.Fatal(err)
	}
	err := l.pool.QueryRow(t.Context(), `
		SELECT ARRAY(SELECT name FROM collection ORDER BY "order" DESC, name DESC),
			ARRAY(SELECT name FROM package WHERE tracked AND NOT blocked GROUP BY name ORDER BY md5(name) LIMIT $1),
			ARRAY(SELECT id FROM build ORDER BY md5(id::text) LIMIT $1),
			(SELECT max(started) FROM build)`, limit).Scan(&l.Collections, &l.Packages, &l.Builds, &l.Newest)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// CPU is what this process and the server have used so far: see CPU.
func (l *Load) CPU(t testing.TB) (own, server time.Duration) { return CPU(t, l.pool) }

// Statements is a tracer of connections that counts statements, those of batches
// too.
type Statements struct{ n atomic.Int64 }

// Count is how many there were.
func (c *Statements) Count() int64 { return c.n.Load() }

// TraceQueryStart implements pgx.QueryTracer.
func (c *Statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (c *Statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (c *Statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (c *Statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) { c.n.Add(1) }

// TraceBatchEnd implements pgx.BatchTracer.
func (c *Statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// Counting makes connections of cfg count their statements.
func Counting(cfg *pgxpool.Config) (*pgxpool.Config, *Statements) {
	statements := &Statements{}
	cfg = cfg.Copy()
	cfg.ConnConfig.Tracer = statements
	return cfg, statements
}

// CPU is what this process, and the server's processes for the database of pool,
// have used so far; the latter only of a server on this machine.
func CPU(t testing.TB, pool *pgxpool.Pool) (own, server time.Duration) {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database()`)
	if err != nil {
		t.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		server += used(t, pid)
	}
	return used(t, os.Getpid()), server
}

// used is the CPU time of a process, user and system; 0 if there is none.
func used(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	var ticks int64
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
