// Package cluster runs a private PostgreSQL cluster of the installed
// PostgreSQL below the program's data directory, for people who have not
// configured a database. Programs that may own a cluster (demo, all, migrate,
// admin) call Start; everything else calls Join. Tests use it through pgtest.
//
// What lies in <data directory>/postgres:
//
//	data/  the PostgreSQL data directory, 0700, owned by the server's user
//	run/   the socket, 0700, owned by the server's user
//	lock   held by the parent and by every process of the server
//
// The server listens on the Unix socket only. It accepts only the user who made
// the cluster and root; the kernel says who connects (method peer). If root starts
// it, its processes run as nobody. It dies with its parent and loses nothing that
// was committed.
//
// The package knows nothing of schemas and migrations. It never deletes or
// upgrades a data directory.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sys/unix"
)

// Names inside a private cluster.
const (
	Database  = "koschei"  // the database of the program
	owner     = "koschei"  // owns Database; no superuser
	superuser = "postgres" // only to create the above
	socket    = ".s.PGSQL.5432"
)

// Errors of Start and Join, wrapped in a sentence for people.
var (
	ErrNotInstalled = errors.New("PostgreSQL is not installed")
	ErrNotRunning   = errors.New("no PostgreSQL cluster is running")
	ErrRunning      = errors.New("a PostgreSQL cluster is already running")
	ErrVersion      = errors.New("data of another PostgreSQL version")
)

// A Cluster is a running PostgreSQL server and the way to connect to it.
type Cluster struct {
	run    *os.File // directory of the socket
	home   *home    // its locks are ours unless joined
	server *server  // nil when joined
}

// Start starts the cluster that lives in the given data directory, making it
// first if there is none, and returns when it accepts connections. Settings
// ("fsync=off") override those of the package. ctx bounds the start alone; the
// server runs until Stop, or until this process ends in whatever way.
//
// Start fails with ErrRunning at once when another process has started the
// cluster: Join it instead.
func Start(ctx context.Context, dir string, log *slog.Logger, settings ...string) (*Cluster, error) {
	h, err := openHome(dir)
	if err != nil {
		return nil, err
	}
	c, err := startIn(ctx, h, log, settings)
	if err != nil {
		h.close()
		return nil, err
	}
	return c, nil
}

func startIn(ctx context.Context, h *home, log *slog.Logger, settings []string) (*Cluster, error) {
	if err := h.lock(ctx); err != nil {
		return nil, err
	}
	inst, err := h.choose(installations())
	if err != nil {
		return nil, err
	}
	account, err := h.account()
	if err != nil {
		return nil, err
	}
	if err := h.initialize(ctx, inst, account, settings); err != nil {
		return nil, err
	}
	if err := h.removeStale(); err != nil {
		return nil, err
	}
	return h.serve(ctx, inst, account, log, settings)
}

// serve starts the server on an initialized home and waits until it answers.
func (h *home) serve(ctx context.Context, inst installation, account account, log *slog.Logger, settings []string) (*Cluster, error) {
	run, err := h.openRun(account)
	if err != nil {
		return nil, err
	}
	srv, err := startServer(ctx, h, run, inst, account, log, settings)
	if err != nil {
		return nil, errors.Join(err, run.Close())
	}
	c := &Cluster{run: run, home: h, server: srv}
	if err := c.prepare(ctx); err != nil {
		return nil, errors.Join(err, srv.kill(), run.Close())
	}
	return c, nil
}

// Join connects to the cluster that another process runs in the data
// directory, waiting while that one is still starting it. It fails with
// ErrNotRunning when there is none.
func Join(ctx context.Context, dir string) (*Cluster, error) {
	h, err := findHome(dir)
	if err != nil {
		return nil, err
	}
	c, err := joinSoon(ctx, h, dir)
	if err != nil {
		h.close()
	}
	return c, err
}

func joinSoon(ctx context.Context, h *home, dir string) (*Cluster, error) {
	for {
		if h.parentPID() == 0 {
			return nil, fmt.Errorf("%w in %s", ErrNotRunning, dir)
		}
		c, err := joinOnce(ctx, h)
		if err == nil {
			return c, nil
		}
		if !stillStarting(err) {
			return nil, fmt.Errorf("joining the PostgreSQL cluster in %s: %w", dir, err)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// AwaitParent returns when the process that runs a joined cluster has ended, in
// whatever way, or when ctx has.
func (c *Cluster) AwaitParent(ctx context.Context) {
	const interval = time.Second
	for c.home.parentPID() != 0 && pause(ctx, interval) == nil {
	}
}

func joinOnce(ctx context.Context, h *home) (*Cluster, error) {
	run, err := h.root.Open("run")
	if err != nil {
		return nil, err
	}
	c := &Cluster{run: run, home: h}
	if err := ping(ctx, c.ConnConfig()); err != nil {
		return nil, errors.Join(err, run.Close())
	}
	return c, nil
}

// ConnConfig returns how to connect to the program's database.
func (c *Cluster) ConnConfig() *pgx.ConnConfig {
	return c.connConfig(owner, Database)
}

// PoolConfig is ConnConfig for a pool of connections.
func (c *Cluster) PoolConfig() *pgxpool.Config {
	cfg, err := pgxpool.ParseConfig(dsn(owner, Database))
	if err != nil {
		panic("cannot happen: " + err.Error())
	}
	cfg.ConnConfig = c.ConnConfig()
	return cfg
}

func (c *Cluster) connConfig(user, database string) *pgx.ConnConfig {
	cfg, err := pgx.ParseConfig(dsn(user, database))
	if err != nil {
		panic("cannot happen: " + err.Error())
	}
	cfg.DialFunc = c.dial
	return cfg
}

// dsn names a socket in "/", which the dial function replaces. It sets what
// the environment could otherwise change.
func dsn(user, database string) string {
	return "host=/ port=5432 sslmode=disable target_session_attrs=any password=''" +
		" passfile=/dev/null user=" + user + " dbname=" + database
}

// dial connects through our descriptor of the socket's directory: the path
// itself may be too long for a socket's address.
func (c *Cluster) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", c.run.Fd(), socket))
}

// SocketDir is where the server's socket is, for PostgreSQL's own programs (as
// user koschei). They cannot use it when its path is too long; see
// docs/operations/backup.md for how they can then.
func (c *Cluster) SocketDir() string { return c.run.Name() }

// Done is closed when a server that this process started has ended, asked to
// or not. It is nil, which blocks for ever, for a joined cluster.
func (c *Cluster) Done() <-chan struct{} {
	if c.server == nil {
		return nil
	}
	return c.server.done
}

// Stop shuts down a server that this process started (connections are ended,
// everything committed is kept) and waits for it; when ctx ends first, the
// shutdown becomes an immediate one, which costs a recovery at the next start.
// For a joined cluster Stop only forgets it. Close pools before.
func (c *Cluster) Stop(ctx context.Context) error {
	var err error
	if c.server != nil {
		err = c.server.stop(ctx)
	}
	if c.home != nil {
		c.home.close()
	}
	return errors.Join(err, c.run.Close())
}

// prepare waits until the server answers and creates what initdb did not.
func (c *Cluster) prepare(ctx context.Context) error {
	admin := c.connConfig(superuser, "postgres")
	if err := c.await(ctx, admin); err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, admin)
	if err != nil {
		return fmt.Errorf("connecting to the PostgreSQL cluster: %w", err)
	}
	err = createDatabase(ctx, conn)
	return errors.Join(err, conn.Close(ctx))
}

func createDatabase(ctx context.Context, conn *pgx.Conn) error {
	var exists bool
	err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, owner).Scan(&exists)
	if err == nil && !exists {
		_, err = conn.Exec(ctx, `CREATE ROLE `+owner+` LOGIN CREATEDB`)
	}
	if err != nil {
		return fmt.Errorf("creating role %s: %w", owner, err)
	}
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, Database).Scan(&exists)
	if err == nil && !exists {
		_, err = conn.Exec(ctx, `CREATE DATABASE `+Database+` OWNER `+owner)
	}
	if err != nil {
		return fmt.Errorf("creating database %s: %w", Database, err)
	}
	return nil
}

// await returns when the server accepts connections, however long its
// recovery takes, or when it has ended.
func (c *Cluster) await(ctx context.Context, cfg *pgx.ConnConfig) error {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		err := ping(ctx, cfg)
		if err == nil {
			return nil
		}
		if !stillStarting(err) {
			return fmt.Errorf("connecting to the PostgreSQL cluster: %w", err)
		}
		select {
		case <-c.server.done:
			return c.server.failure()
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func ping(ctx context.Context, cfg *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// stillStarting tells whether a failed connection may succeed in a moment:
// there is no socket yet, or the server, or its first parent, is not ready.
func stillStarting(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		const cannotConnectNow, noSuchDatabase, noSuchRole = "57P03", "3D000", "28000"
		return pg.Code == cannotConnectNow || pg.Code == noSuchDatabase ||
			pg.Code == noSuchRole && pg.Message == `role "`+owner+`" does not exist`
	}
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
