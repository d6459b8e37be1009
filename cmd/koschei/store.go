package main

import (
	"context"
	"time"

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
	Owners     *owner.Owners

	// Operations is View for what operators ask of a process: its health and its
	// metrics. It waits for nobody who looks at pages.
	Operations *view.View

	readers readers
	policy  koschei.Policy // of Edit
}

// readers are the connections of those who only read.
type readers struct{ pages, operations *postgres.Reader }

// operatorsConnections are for one who asks whether the process is ready and one
// who reads metrics, which are read once for all.
const operatorsConnections = 2

// openStore connects to a database: for those who write it, for those who show
// it, and for operators, so that no one of them takes the others' connections.
func openStore(ctx context.Context, cfg *pgxpool.Config, c config) (*store, error) {
	sized := func(connections int) *pgxpool.Config {
		copied := cfg.Copy()
		copied.MaxConns = int32(connections) //nolint:gosec // the configuration has a range
		return copied
	}
	db, err := postgres.Open(ctx, sized(c.Database.Connections))
	if err != nil {
		return nil, err
	}
	var r readers
	r.pages, err = postgres.OpenReader(ctx, sized(c.Frontend.Connections))
	if err == nil {
		r.operations, err = postgres.OpenReader(ctx, sized(operatorsConnections))
	}
	if err != nil {
		r.close()
		db.Close()
		return nil, err
	}
	return newStore(db, r, c.Frontend.Policy.policy()), nil
}

func newStore(db *postgres.DB, r readers, policy koschei.Policy) *store {
	return &store{
		DB: db, Record: record.New(db), View: view.New(r.pages), Edit: edit.New(db, policy), Maintain: maintain.New(db),
		Pasts: pasts.New(db), Deliveries: deliver.New(db), Owners: owner.New(db), Operations: view.New(r.operations), readers: r, policy: policy,
	}
}

// leasing returns the same store with leases that last for ttl.
func (s *store) leasing(ttl time.Duration) *store {
	return newStore(s.Leasing(ttl), s.readers, s.policy)
}

// Close ends all connections.
func (s *store) Close() {
	s.readers.close()
	s.DB.Close()
}

func (r readers) close() {
	for _, reader := range []*postgres.Reader{r.pages, r.operations} {
		if reader != nil {
			reader.Close()
		}
	}
}
