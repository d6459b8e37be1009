package maintain

import (
	"context"
	"time"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
)

// Maintenance is the record as those see it who keep it in order.
type Maintenance struct {
	Record *record.Record

	pg   *postgres.DB
	db   postgres.Writer // pg, or the fence that everything is written through
	sets *depset.Codec
}

// New returns the maintenance of a database.
func New(db *postgres.DB) *Maintenance {
	return &Maintenance{Record: record.New(db), pg: db, db: db, sets: depset.NewCodec()}
}

// A Fenced is the maintenance for work under a lease; see record.Fenced.
type Fenced struct{ *Maintenance }

func (mt *Maintenance) under(fence *postgres.Fenced) *Fenced {
	return &Fenced{&Maintenance{Record: mt.Record.Under(fence).Record, pg: mt.pg, db: fence, sets: mt.sets}}
}

// Leasing returns the same maintenance with leases that last for ttl.
func (mt *Maintenance) Leasing(ttl time.Duration) *Maintenance {
	other := *mt
	other.pg = mt.pg.Leasing(ttl)
	return &other
}

// Keep runs work under a lease and keeps that for the next pass; see
// postgres.DB.Keep.
func (mt *Maintenance) Keep(ctx context.Context, name string, holder postgres.Holder, work func(context.Context, *Fenced) error) (held bool, err error) {
	return mt.pg.Keep(ctx, name, holder, func(ctx context.Context, fence *postgres.Fenced) error {
		return work(ctx, mt.under(fence))
	})
}

// Release lets the next holder of a lease in at once; see Keep.
func (mt *Maintenance) Release(ctx context.Context, name string, holder postgres.Holder) error {
	return mt.pg.Release(ctx, name, holder)
}

// LeaseHeld says whether somebody has the lease of that name.
func (mt *Maintenance) LeaseHeld(ctx context.Context, name string) (bool, error) {
	return mt.pg.LeaseHeld(ctx, name)
}

// DeadLeases returns the leases of processes that died; see
// postgres.DB.DeadLeases.
func (mt *Maintenance) DeadLeases(ctx context.Context, after time.Duration) ([]postgres.LeaseStatus, error) {
	return mt.pg.DeadLeases(ctx, after)
}
