package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sys/unix"

	"github.com/koschei-ci/koschei/internal/loop"
)

// bounds are how long a database is waited for, in real time. Nothing waits
// without end for one that has gone away, however it went.
type bounds struct {
	connection time.Duration // for a connection of the pool, or for a new one
	statement  time.Duration // for all of its rows, too
	lock       time.Duration // that somebody else holds
}

var (
	writerBounds = bounds{connection: 30 * time.Second, statement: 5 * time.Minute, lock: 30 * time.Second}
	readerBounds = bounds{connection: 2 * time.Second, statement: time.Minute, lock: 3 * time.Second}
)

const (
	connectTimeout = 10 * time.Second
	// unacknowledged is how long the other side's machine may be silent before a
	// connection counts as lost. Without it Linux goes on for a quarter of an hour.
	unacknowledged = 20 * time.Second
)

// setup is what each connection begins with. The server watches for us as we do
// for it: it would keep the locks of a client that has vanished for hours.
func (b bounds) setup() string {
	return fmt.Sprintf(`SET lock_timeout = %d; SET tcp_user_timeout = %d;
		SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2; `,
		b.lock.Milliseconds(), unacknowledged.Milliseconds())
}

// dialer connects to a configured database.
func dialer() pgconn.DialFunc {
	d := &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 2},
		Control: func(network, _ string, raw syscall.RawConn) error {
			if !strings.HasPrefix(network, "tcp") {
				return nil
			}
			var set error
			err := raw.Control(func(fd uintptr) {
				set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledged.Milliseconds()))
			})
			return errors.Join(err, set)
		},
	}
	return d.DialContext
}

// An enforcer holds the statements of a pool to its bounds: pgx works with the
// contexts that its tracers return.
type enforcer struct {
	bounds
	traced pgx.QueryTracer // by who opened the database; nil if nobody does
}

type unhurriedKey struct{}

// unhurried returns a context for statements that may take as long as they like.
func unhurried(ctx context.Context) context.Context {
	return context.WithValue(ctx, unhurriedKey{}, true)
}

type cancelKey struct{}

// limit returns a context that ends after d, and that done can end.
func limit(ctx context.Context, d time.Duration) context.Context {
	if ctx.Value(unhurriedKey{}) != nil {
		return context.WithValue(ctx, cancelKey{}, context.CancelFunc(func() {}))
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	return context.WithValue(ctx, cancelKey{}, cancel)
}

// done is said of a context of limit.
func done(ctx context.Context) {
	if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
		cancel()
	}
	loop.Alive(ctx)
}

func (e *enforcer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	ctx = limit(ctx, e.statement)
	if e.traced != nil {
		ctx = e.traced.TraceQueryStart(ctx, conn, data)
	}
	return ctx
}

func (e *enforcer) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	if e.traced != nil {
		e.traced.TraceQueryEnd(ctx, conn, data)
	}
	noteReadOnly(conn, data.Err)
	noteAway(ctx, data.Err)
	done(ctx)
}

func (e *enforcer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return limit(ctx, e.statement)
}

func (e *enforcer) TraceBatchQuery(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	if traced, ok := e.traced.(pgx.BatchTracer); ok {
		traced.TraceBatchQuery(ctx, conn, data)
	}
	noteReadOnly(conn, data.Err)
	noteAway(ctx, data.Err)
}

func (e *enforcer) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	noteReadOnly(conn, data.Err)
	noteAway(ctx, data.Err)
	done(ctx)
}

func (e *enforcer) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return limit(ctx, e.statement)
}

func (e *enforcer) TraceCopyFromEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromEndData) {
	noteReadOnly(conn, data.Err)
	noteAway(ctx, data.Err)
	done(ctx)
}

func (e *enforcer) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	return &acquiring{limit(ctx, e.connection), ctx, e.connection}
}

func (e *enforcer) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, data pgxpool.TraceAcquireEndData) {
	noteAway(ctx, data.Err)
	done(ctx)
}

// noteAway tells the pass that err is of when the database could not be asked.
func noteAway(ctx context.Context, err error) {
	if err != nil && Unavailable(err) != "" {
		loop.DatabaseAway(ctx)
	}
}

// acquiring is the context of who waits for a connection.
type acquiring struct {
	context.Context //nolint:containedctx // it is one

	outer  context.Context //nolint:containedctx // that it is part of
	within time.Duration
}

// Err says what was waited for if it is not the caller who has given up.
func (a *acquiring) Err() error {
	err := a.Context.Err()
	if errors.Is(err, context.DeadlineExceeded) && a.outer.Err() == nil {
		return &noConnectionError{a.within.String()}
	}
	return err
}

// readOnly marks a connection on which nothing can be written.
const readOnly = "koschei: read only"

// noteReadOnly looks whether a statement was refused because the server, or this
// connection to it, is read only: what managed databases are when their disk is
// full, and standbys. The connection stays so even when the server is not any
// more.
func noteReadOnly(conn *pgx.Conn, err error) {
	const readOnlyTransaction = "25006"
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == readOnlyTransaction && conn != nil {
		conn.PgConn().CustomData()[readOnly] = true
	}
}

// dropReadOnly is told that a connection is done with, and whether it may be used
// again. Others that were made at that time are no better.
func dropReadOnly(reset func()) func(*pgx.Conn) bool {
	return func(conn *pgx.Conn) bool {
		if conn.PgConn().CustomData()[readOnly] == nil {
			return true
		}
		reset()
		return false
	}
}
