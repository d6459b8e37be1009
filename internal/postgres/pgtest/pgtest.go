// Package pgtest gives each test a database of its own on a real PostgreSQL,
// and a [World] to fill and read the record in it without SQL; tests of packages
// that have SQL themselves take a [Sample]. Tests of every package that stores
// something use it. It decides nothing that the record
// decides: what a World writes need not be possible otherwise.
//
// The first call in a test binary starts one private cluster (about a second)
// and migrates a template; each database is a copy of that (11 ms; see
// BenchmarkNew). All of it goes away with the test binary, however that ends:
// the server by package cluster's doing, its files by those of a shell that
// waits for the end of a pipe. Nothing is shared between test binaries, so
// nothing has to be agreed or left behind.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sys/unix"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/cluster"
)

const template = "koschei_template"

// A machine is the test binary's cluster.
type machine struct {
	cluster   *cluster.Cluster
	admin     *pgxpool.Pool
	databases atomic.Int64
}

// theMachine starts the test binary's cluster once. It is never stopped: no
// place of a test binary knows that no other test follows.
var theMachine = sync.OnceValues(startMachine)

// Connect returns plain connections to the given database, closed when t
// ends, for what a test wants to see or set up behind the record's back.
func Connect(t testing.TB, cfg *pgxpool.Config) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Database makes a fresh, migrated database and returns how to connect to it.
// Without PostgreSQL it skips t, or fails it where CI=true.
func Database(t testing.TB) *pgxpool.Config {
	t.Helper()
	return create(t, template)
}

// Empty is Database without any schema.
func Empty(t testing.TB) *pgxpool.Config {
	t.Helper()
	return create(t, "template0")
}

// SocketDir is where the server of all databases listens, for tests of
// PostgreSQL's own programs.
func SocketDir(t testing.TB) string {
	t.Helper()
	return machineFor(t).cluster.SocketDir()
}

func machineFor(t testing.TB) *machine {
	t.Helper()
	m, err := theMachine()
	if errors.Is(err, cluster.ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func create(t testing.TB, from string) *pgxpool.Config {
	t.Helper()
	m := machineFor(t)
	name := fmt.Sprintf("test_%d", m.databases.Add(1))
	if _, err := m.admin.Exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+from+" STRATEGY file_copy"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.drop(t, name) })
	return m.config(name)
}

// drop gives the space of a finished test back.
func (m *machine) drop(t testing.TB, name string) {
	ctx := context.Background() // that of t is done by now
	if _, err := m.admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
		t.Error(err)
	}
}

func (m *machine) config(database string) *pgxpool.Config {
	cfg := m.cluster.PoolConfig()
	cfg.ConnConfig.Database = database
	cfg.MaxConns = 8 // not as many as there are processors, for each of many tests
	return cfg
}

func startMachine() (*machine, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp(fastDir(), "koschei-pgtest-")
	if err != nil {
		return nil, err
	}
	if err := removeAtExit(dir); err != nil {
		return nil, err
	}
	// What is not worth keeping need not reach the disk.
	c, err := cluster.Start(ctx, dir, slog.New(slog.DiscardHandler),
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
		"shared_buffers=128MB", "max_connections=500", "autovacuum=off", "checkpoint_timeout=1h")
	if err != nil {
		return nil, err
	}
	m := &machine{cluster: c}
	if m.admin, err = pgxpool.NewWithConfig(ctx, c.PoolConfig()); err != nil {
		return nil, err
	}
	if err := m.makeTemplate(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// fastDir returns a directory in memory if there is a roomy one, "" if not: a
// database is hundreds of small files, and on some file systems making those
// takes ten times as long as everything else. TMPDIR has the last word.
func fastDir() string {
	const memory, room = "/dev/shm", 4 << 30
	var fs unix.Statfs_t
	if os.Getenv("TMPDIR") != "" || unix.Statfs(memory, &fs) != nil || fs.Bavail*uint64(fs.Bsize) < room {
		return ""
	}
	return memory
}

func (m *machine) makeTemplate(ctx context.Context) error {
	if _, err := m.admin.Exec(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	db, err := postgres.Open(ctx, m.config(template))
	if err != nil {
		return err
	}
	err = db.Migrate(ctx, func(postgres.Migration) {})
	db.Close()
	if err != nil {
		return err
	}
	// A template cannot be copied while anybody is connected to it.
	_, err = m.admin.Exec(ctx, "ALTER DATABASE "+template+" ALLOW_CONNECTIONS false")
	return err
}

// removeAtExit starts a shell that removes dir when this process has ended in
// whatever way, which closes the shell's standard input. The server is going
// down at the same moment, so removing may take more than one try.
func removeAtExit(dir string) error {
	const script = `cat >/dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null && exit; sleep 0.2; done`
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), "sh", "-c", script, "sh", dir)
	cmd.Dir = "/"
	cmd.Stdin = reader
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // signals to our group are not for it
	if err := cmd.Start(); err != nil {
		return err
	}
	keepOpen(writer)
	return reader.Close()
}

// keepOpen keeps w from being closed by the garbage collector.
func keepOpen(w io.Closer) {
	forever := make(chan struct{})
	go func() {
		<-forever
		_ = w.Close()
	}()
}
