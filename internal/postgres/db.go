package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
)

// A DB is a database to read and write. It is safe for concurrent use.
type DB struct {
	pool  *pgxpool.Pool
	lease *lease // that writing needs, see Fenced; nil if none

	leaseTime time.Duration
}

// ParseURL reads a PostgreSQL URL or key/value string, as database.url has it.
func ParseURL(url string) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database.url: %w", err)
	}
	cfg.ConnConfig.DialFunc = dialer()
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	return cfg, nil
}

// Open connects to the database. It does not look at the schema: see Ready.
func Open(ctx context.Context, cfg *pgxpool.Config) (*DB, error) {
	db, err := open(ctx, cfg, writerBounds, "")
	if err != nil {
		return nil, err
	}
	if err := db.pool.Ping(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	return db, nil
}

// open makes a pool, whose connections are made when they are needed. Each
// begins with the statement setup, if there is one.
func open(ctx context.Context, cfg *pgxpool.Config, bounds bounds, setup string) (*DB, error) {
	cfg = cfg.Copy()
	cfg.ConnConfig.Tracer = &enforcer{bounds: bounds, traced: cfg.ConnConfig.Tracer}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "koschei"
	}
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		registerTypes(conn.TypeMap())
		// Compiling a statement takes longer than any of ours. Set here and not when
		// connecting, where a pooler may refuse it.
		_, err := conn.Exec(ctx, `SET jit = off; `+bounds.setup()+setup)
		return err
	}
	var pool *pgxpool.Pool // set before any connection is released
	cfg.AfterRelease = dropReadOnly(func() { pool.Reset() })
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	return &DB{pool: pool, leaseTime: leaseTime}, nil
}

// registerTypes makes times come back in UTC, not in the machine's zone.
func registerTypes(m *pgtype.Map) {
	m.RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
}

// Close closes all connections, waiting for those in use.
func (db *DB) Close() { db.pool.Close() }

// A Querier is asked questions: a database, or a transaction on it.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// A Writer is where transactions that write come from: a DB, or a Fenced, whose
// transactions hold the fence of a lease.
type Writer interface {
	Querier
	Transact(ctx context.Context, f func(tx pgx.Tx) error) error
	ExecOne(ctx context.Context, sql string, args ...any) (affected int, err error)
	Read(ctx context.Context, f func(tx pgx.Tx) error) error
}

// Query asks one question outside of any transaction.
func (db *DB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return db.pool.Query(ctx, sql, args...)
}

// QueryRow is Query for one row.
func (db *DB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return db.pool.QueryRow(ctx, sql, args...)
}

// SendBatch asks several questions at once.
func (db *DB) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return db.pool.SendBatch(ctx, b)
}

const (
	maxAttempts = 10
	retryPause  = 10 * time.Millisecond
)

// Transact runs f in a transaction, and again when it collided with
// another: f must have no effect but through tx and what it assigns anew.
// Everything that writes the record goes through here.
func (db *DB) Transact(ctx context.Context, f func(tx pgx.Tx) error) error {
	return db.transactWith(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if db.lease != nil {
			if err := db.lease.fence(ctx, tx); err != nil {
				return err
			}
		}
		return f(tx)
	})
}

// Read runs f on one unchanging view of the whole record.
func (db *DB) Read(ctx context.Context, f func(tx pgx.Tx) error) error {
	return db.transactWith(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, f)
}

// transactWith also repeats what was cut off before it was to be committed:
// the server may end a transaction that idles (see fencedIdle), and who goes on
// writing to it finds a broken connection instead of the reason.
func (db *DB) transactWith(ctx context.Context, opts pgx.TxOptions, f func(tx pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		cutOff, err := db.attempt(ctx, opts, f)
		if err == nil || !collided(err) && !cutOff || ctx.Err() != nil || attempt == maxAttempts {
			return err
		}
		pause := retryPause << min(attempt, 6)
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// attempt runs f in one transaction. It was cut off if the connection was lost
// before the transaction was to be committed: what came of it is certain then. A
// connection of the pool may be found dead when the transaction begins.
func (db *DB) attempt(ctx context.Context, opts pgx.TxOptions, f func(tx pgx.Tx) error) (cutOff bool, err error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	done := false
	err = pgx.BeginTxFunc(ctx, conn, opts, func(tx pgx.Tx) error {
		err := f(tx)
		done = err == nil
		return err
	})
	return err != nil && !done && conn.Conn().IsClosed(), err
}

// collided tells whether a transaction failed only because of another, or
// because this process was kept from getting on with it (see fencedIdle). The
// last case is a dependency set that was collected just when it was wanted again.
func collided(err error) bool {
	const serializationFailure, deadlockDetected, idleInTransaction = "40001", "40P01", "25P03"
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == serializationFailure || pg.Code == deadlockDetected || pg.Code == idleInTransaction ||
		pg.ConstraintName == "build_dependency_set_id_fkey")
}

// IsBadData tells whether err is about what should be stored, and not about
// where: it has no place in its column or in an index, or violates a constraint.
func IsBadData(err error) bool {
	const dataException, constraintViolation, tooLarge = "22", "23", "54000"
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (strings.HasPrefix(pg.Code, dataException) || strings.HasPrefix(pg.Code, constraintViolation) ||
		pg.Code == tooLarge)
}

// Violates tells whether err is the violation of the named constraint or
// unique index.
func Violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}

// NotFound gives a row that is not there its word.
func NotFound(err error, what string, args ...any) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf(what+": %w", append(args, koschei.ErrNotFound)...)
	}
	return err
}

// ExecOne runs one statement in a transaction and returns the rows it affected.
func (db *DB) ExecOne(ctx context.Context, sql string, args ...any) (affected int, err error) {
	err = db.Transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, args...)
		affected = int(tag.RowsAffected())
		return err
	})
	return affected, err
}
