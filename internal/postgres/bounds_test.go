package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// A configured database whose machine vanishes without a word is noticed: the
// kernel is told to ask for it, and not to send again for a quarter of an hour.
func TestConnectionsAreWatched(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nobody connects any more
	for _, url := range []string{"postgres://db.example.com/koschei", "host=db.example.com dbname=koschei", "postgres://db.example.com/koschei?connect_timeout=3"} {
		cfg, err := postgres.ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		if d := cfg.ConnConfig.ConnectTimeout; d <= 0 || d > 10*time.Second {
			t.Errorf("%s: connecting may take %v", url, d)
		}
		conn, err := cfg.ConnConfig.DialFunc(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for _, option := range []struct {
			name            string
			level, opt      int
			atLeast, atMost int
		}{
			{"TCP_USER_TIMEOUT, milliseconds", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 1000, 30000},
			{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1, 1},
			{"TCP_KEEPIDLE, seconds", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 1, 15},
			{"TCP_KEEPINTVL, seconds", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 1, 5},
		} {
			if got := socketOption(t, conn, option.level, option.opt); got < option.atLeast || got > option.atMost {
				t.Errorf("%s: %s is %d, want %d to %d", url, option.name, got, option.atLeast, option.atMost)
			}
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func socketOption(t *testing.T, conn net.Conn, level, opt int) int {
	t.Helper()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("a %T, want a TCP connection", conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	value, optErr := 0, error(nil)
	if err := raw.Control(func(fd uintptr) { value, optErr = unix.GetsockoptInt(int(fd), level, opt) }); err != nil || optErr != nil {
		t.Fatal(err, optErr)
	}
	return value
}

// The other way round the server does not keep the locks of a client whose
// machine has vanished.
func TestServerWatchesUs(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).PG
	for _, name := range []string{"tcp_user_timeout", "tcp_keepalives_idle", "lock_timeout"} {
		var source string
		err := db.QueryRow(t.Context(), `SELECT source FROM pg_settings WHERE name = $1`, name).Scan(&source)
		if err != nil || source != "session" {
			t.Errorf("%s comes from %q (%v), want it set for the session", name, source, err)
		}
	}
}

// Connections that were made while the database could not be written, as when a
// disk was full, stay so after it can. They must go.
func TestReadOnlyConnections(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, sql := pgtest.Open(t, cfg).PG, pgtest.NewConsole(t, cfg)
	name := pgx.Identifier{cfg.ConnConfig.Database}.Sanitize()
	sql.Exec(`ALTER DATABASE ` + name + ` SET default_transaction_read_only = on`)
	sql.Exec(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'koschei' AND datname = current_database()`)
	for db.Ping(t.Context()) != nil { // on the connections that were ended
	}
	held := holdConnections(t, db, 3)
	if err := addUser(t.Context(), db, "early"); !refused(err) {
		t.Fatalf("while the database is read only: %v", err)
	}
	sql.Exec(`ALTER DATABASE ` + name + ` RESET default_transaction_read_only`)
	held()
	for tries := 0; ; tries++ {
		err := addUser(t.Context(), db, "late")
		if err == nil {
			break
		}
		if !refused(err) || tries > 20 {
			t.Fatalf("after the database can be written again, attempt %d: %v", tries+1, err)
		}
		<-time.After(20 * time.Millisecond)
	}
	if n := sql.Number(`SELECT count(*) FROM users WHERE name = 'late'`); n != 1 {
		t.Errorf("written %d times, want once", n)
	}
}

func refused(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "25006"
}

func addUser(ctx context.Context, db *postgres.DB, name string) error {
	_, err := db.ExecOne(ctx, `INSERT INTO users (name) VALUES ($1)`, name)
	return err
}

// holdConnections makes n connections of db be in use until release is called.
func holdConnections(t *testing.T, db *postgres.DB, n int) (release func()) {
	t.Helper()
	free := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(free) })
	t.Cleanup(letGo) // before the database is closed, which waits for them
	began, ended := make(chan struct{}), make(chan error, n)
	for range n {
		go func() {
			ended <- db.Read(t.Context(), func(tx pgx.Tx) error {
				began <- struct{}{}
				<-free
				return nil
			})
		}()
	}
	for range n {
		select {
		case <-began:
		case err := <-ended:
			t.Fatal(err)
		}
	}
	return func() {
		letGo()
		for range n {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
}

// Nothing waits for ever: not for a table that somebody has locked, not for an
// answer, not for a connection.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	cfg.MaxConns = 2
	open := func(connection, statement, lock time.Duration) *postgres.DB {
		db, err := postgres.OpenWithin(t.Context(), cfg, connection, statement, lock)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		return db
	}
	const short, long = 50 * time.Millisecond, time.Minute

	t.Run("lock", func(t *testing.T) {
		db := open(long, long, short)
		pgtest.Locked(t, cfg, "users", func() {
			err := addUser(t.Context(), db, "somebody")
			if err == nil || !strings.Contains(err.Error(), "lock timeout") || postgres.Unavailable(err) != "somebody holds a lock on a table of the database" {
				t.Errorf("a table that somebody has locked: %v", err)
			}
		})
		if err := addUser(t.Context(), db, "somebody"); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
	t.Run("statement", func(t *testing.T) {
		db := open(long, 500*time.Millisecond, long)
		if _, err := db.ExecOne(t.Context(), `SELECT pg_sleep(3600)`); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a statement without end: %v", err)
		}
		batch := &pgx.Batch{}
		batch.Queue(`SELECT pg_sleep(3600)`)
		if err := db.SendBatch(t.Context(), batch).Close(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a batch without end: %v", err)
		}
		if err := addUser(t.Context(), db, "another"); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
	t.Run("connection", func(t *testing.T) {
		db := open(time.Second, long, long)
		release := holdConnections(t, db, 2)
		err := addUser(t.Context(), db, "third")
		if err == nil || !strings.Contains(err.Error(), "no connection to the database within 1s") || !errors.Is(err, context.DeadlineExceeded) ||
			postgres.Unavailable(err) != "no connection to the database is free" {
			t.Errorf("while all are in use: %v", err)
		}
		release()
	})
}

// Migrating may take as long as it likes, and so may waiting for another who does.
func TestMigratingIsNotBounded(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Empty(t)
	db, err := postgres.OpenWithin(t.Context(), cfg, time.Minute, time.Second, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	other, err := pgtest.Connect(t, cfg).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, int64(0x6b6f7363686569)); err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error)
	go func() { migrated <- db.Migrate(t.Context(), func(postgres.Migration) {}) }()
	select {
	case err := <-migrated:
		t.Fatalf("while another migrates: %v", err)
	case <-time.After(1500 * time.Millisecond): // longer than any other statement may take
	}
	if _, err := other.Exec(t.Context(), `SELECT pg_advisory_unlock_all()`); err != nil {
		t.Fatal(err)
	}
	other.Release()
	if err := <-migrated; err != nil {
		t.Error(err)
	}
}

// A database that cannot be asked is told from a mistake in what it was asked.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	cfg, outage := pgtest.Breakable(pgtest.Database(t))
	db := pgtest.Open(t, cfg).PG
	_, err := db.ExecOne(t.Context(), `SELECT nonsense`)
	if why := postgres.Unavailable(err); err == nil || why != "" {
		t.Errorf("a mistake: %v is told as %q", err, why)
	}
	_, err = db.ExecOne(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`)
	if why := postgres.Unavailable(err); why != "the database does not answer" {
		t.Errorf("a connection that the server ends: %v is told as %q", err, why)
	}
	outage.Begin()
	for range 3 { // on a connection that is gone, then without one
		if err := db.Ping(t.Context()); postgres.Unavailable(err) != "the database does not answer" {
			t.Errorf("a database that is gone: %v is told as %q", err, postgres.Unavailable(err))
		}
	}
	for code, want := range map[string]string{
		"53100": "room", "53300": "connections", "25006": "written", "57P03": "answer", "57014": "too long", "23505": "",
	} {
		why := postgres.Unavailable(fmt.Errorf("reading: %w", &pgconn.PgError{Code: code}))
		if !strings.Contains(why, want) || (want == "") != (why == "") {
			t.Errorf("%s is told as %q, want %q", code, why, want)
		}
	}
}
