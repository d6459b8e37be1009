package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/deliver"
	"github.com/koschei-ci/koschei/internal/record/maintain"
	"github.com/koschei-ci/koschei/internal/record/pasts"
	"github.com/koschei-ci/koschei/internal/view"
)

// A store is a database with all that reads and writes it. Commands and services
// are handed no more of it than they need.
type store struct {
	*postgres.DB

	Record     *record.Record
	View       *view.View
	Edit       *edit.Editor
	Maintain   *maintain.Maintenance
	Pasts      *pasts.Pasts
	Deliveries *deliver.Deliveries

	reader *postgres.Reader // of View
}

// openStore connects to a database, once for those who write it and once for
// those who only read.
func openStore(ctx context.Context, cfg *pgxpool.Config) (*store, error) {
	db, err := postgres.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	reader, err := postgres.OpenReader(ctx, cfg)
	if err != nil {
		db.Close()
		return nil, err
	}
	return newStore(db, reader), nil
}

func newStore(db *postgres.DB, reader *postgres.Reader) *store {
	return &store{
		DB: db, Record: record.New(db), View: view.New(reader), Edit: edit.New(db), Maintain: maintain.New(db),
		Pasts: pasts.New(db), Deliveries: deliver.New(db), reader: reader,
	}
}

// leasing returns the same store with leases that last for ttl.
func (s *store) leasing(ttl time.Duration) *store { return newStore(s.Leasing(ttl), s.reader) }

// Close ends all connections.
func (s *store) Close() {
	s.reader.Close()
	s.DB.Close()
}
