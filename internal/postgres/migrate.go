package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Errors of Ready, wrapped in a sentence that says what to do.
var (
	ErrSchemaOlder = errors.New("the database's schema is older than this program")
	ErrSchemaNewer = errors.New("the database's schema is newer than this program")
)

// generation is how migrations are numbered: within one hundred each only
// adds, so that a program works on any schema of its own hundred that is not
// older than itself, and old and new replicas run side by side during an
// upgrade. A migration that breaks older programs begins the next hundred.
const generation = 100

// migrationLock is the advisory lock held while migrating; any number of ours.
const migrationLock = 0x6b6f7363686569 // "koschei"

// A Migration is one numbered step of the schema.
type Migration struct {
	Version int64
	Name    string // "record" of migrations/0001_record.sql
	Applied time.Time
	Took    time.Duration // set only when reported as progress
}

// Ready returns nil when this program can work on the database's schema, else
// an error that wraps ErrSchemaOlder (somebody may be about to migrate: wait,
// or tell the operator) or ErrSchemaNewer (this program must be replaced).
func (db *DB) Ready(ctx context.Context) error {
	have, err := db.schemaVersion(ctx)
	if err != nil {
		return err
	}
	return compatible(have, newestMigration())
}

func compatible(have, want int64) error {
	switch {
	case have < want:
		return fmt.Errorf("%w: it has version %d, version %d is needed; run: koschei migrate", ErrSchemaOlder, have, want)
	case have/generation > want/generation:
		return fmt.Errorf("%w: it has version %d, this program knows %d; run the program that migrated it", ErrSchemaNewer, have, want)
	}
	return nil
}

// AwaitSchema returns when Ready does not complain of an older schema any
// more, having told waiting once why it waits.
func (db *DB) AwaitSchema(ctx context.Context, interval time.Duration, waiting func(error)) error {
	for told := false; ; told = true {
		err := db.Ready(ctx)
		if !errors.Is(err, ErrSchemaOlder) {
			return err
		}
		if !told {
			waiting(err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(interval):
		}
	}
}

// schemaVersion is the newest migration that was applied, 0 for an empty database.
func (db *DB) schemaVersion(ctx context.Context) (int64, error) {
	var exists bool
	if err := db.pool.QueryRow(ctx, `SELECT to_regclass('goose_db_version') IS NOT NULL`).Scan(&exists); err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	if !exists {
		return 0, nil
	}
	// Not a raw string: the table is goose's, and not part of our schema.
	const newest = "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied"
	var version int64
	if err := db.pool.QueryRow(ctx, newest).Scan(&version); err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return version, nil
}

func newestMigration() int64 {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		panic("cannot happen: no migrations embedded")
	}
	var newest int64
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			panic("cannot happen: " + err.Error())
		}
		newest = max(newest, version)
	}
	return newest
}

// PlanMigration returns every migration this program knows, in order; those
// that Migrate would run have a zero Applied.
func (db *DB) PlanMigration(ctx context.Context) ([]Migration, error) {
	have, err := db.schemaVersion(ctx)
	if err != nil {
		return nil, err
	}
	var plan []Migration
	err = db.withGoose(func(p *goose.Provider) error {
		if have == 0 { // asking goose would already create its table
			for _, s := range p.ListSources() {
				plan = append(plan, Migration{Version: s.Version, Name: migrationName(s.Path)})
			}
			return nil
		}
		statuses, err := p.Status(ctx)
		for _, s := range statuses {
			plan = append(plan, Migration{Version: s.Source.Version, Name: migrationName(s.Source.Path), Applied: s.AppliedAt.UTC()})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("planning the migration: %w", err)
	}
	return plan, nil
}

// Migrate brings the schema to what this program needs, telling progress each
// step that it has done. Any number of processes may call it at once: one does
// it, the others wait and then find nothing to do. Each step is a transaction;
// what an interrupted run has done stays done.
func (db *DB) Migrate(ctx context.Context, progress func(Migration)) error {
	have, err := db.schemaVersion(ctx)
	if err != nil {
		return err
	}
	if err := compatible(have, newestMigration()); !errors.Is(err, ErrSchemaOlder) {
		return err
	}
	ctx = unhurried(ctx) // indexes of long tables take their time, and so does another who migrates
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("locking the schema: %w", err)
	}
	// The lock is the connection's: closing it gives the lock back in any case.
	defer func() { _ = conn.Hijack().Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, fmt.Sprintf(`SET lock_timeout = 0; SELECT pg_advisory_lock(%d)`, int64(migrationLock))); err != nil {
		return fmt.Errorf("locking the schema: %w", err)
	}
	return db.withGoose(func(p *goose.Provider) error { return migrateAll(ctx, p, progress) })
}

func migrateAll(ctx context.Context, p *goose.Provider, progress func(Migration)) error {
	for {
		result, err := p.UpByOne(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("migrating: %w", err)
		}
		progress(Migration{Version: result.Source.Version, Name: migrationName(result.Source.Path), Took: result.Duration})
	}
}

func (db *DB) withGoose(f func(*goose.Provider) error) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic("cannot happen: " + err.Error())
	}
	sqlDB := stdlib.OpenDBFromPool(db.pool)
	p, err := goose.NewProvider(goose.DialectPostgres, sqlDB, dir)
	if err != nil {
		return errors.Join(fmt.Errorf("reading the migrations: %w", err), sqlDB.Close())
	}
	return errors.Join(f(p), p.Close())
}

func migrationName(path string) string {
	_, name, _ := strings.Cut(strings.TrimSuffix(path, ".sql"), "_")
	return name
}
