package pgtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/deliver"
	"github.com/koschei-ci/koschei/internal/record/maintain"
	"github.com/koschei-ci/koschei/internal/record/owner"
	"github.com/koschei-ci/koschei/internal/record/pasts"
	"github.com/koschei-ci/koschei/internal/view"
)

// A DB is a test's database with all that reads and writes it. A test hands to
// what it tests no more of it than that takes.
type DB struct {
	PG *postgres.DB

	*record.Record
	*view.View
	*edit.Editor
	*maintain.Maintenance
	*deliver.Deliveries
	*pasts.Pasts
	*owner.Owners
}

// New returns a DB on a fresh, migrated database, closed when t ends.
func New(t testing.TB) *DB {
	t.Helper()
	return Open(t, Database(t))
}

// Open returns a DB on the given database, closed when t ends. Tests of
// several processes open one database several times.
func Open(t testing.TB, cfg *pgxpool.Config) *DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	reader, err := postgres.OpenReader(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	return &DB{
		PG: db, Record: record.New(db), View: view.New(reader), Editor: edit.New(db, koschei.DefaultPolicy()),
		Maintenance: maintain.New(db), Deliveries: deliver.New(db), Pasts: pasts.New(db), Owners: owner.New(db),
	}
}

// A Fenced is a DB for what is not done without a lease.
type Fenced struct {
	*record.Fenced
	Maintenance *maintain.Fenced
}

// Fenced returns db under leases that nobody else wants.
func (db *DB) Fenced(t testing.TB) *Fenced {
	t.Helper()
	f := &Fenced{}
	name := fmt.Sprint("test/", rand.Uint64())
	_, err := db.Record.Keep(t.Context(), name+"/record", "test", func(_ context.Context, r *record.Fenced) error {
		f.Fenced = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Maintenance.Keep(t.Context(), name+"/maintenance", "test", func(_ context.Context, m *maintain.Fenced) error {
		f.Maintenance = m
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
