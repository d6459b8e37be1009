package record

import (
	"context"
	"time"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/asked"
	"github.com/koschei-ci/koschei/internal/record/built"
)

// A Record is the record as services use it. It is safe for concurrent use.
type Record struct {
	Hub     *asked.Memory // what hubs were asked
	Sets    *built.Store  // what builds were made with
	Sources *Sources      // what packages need to be built
	Tags    *Tags         // real builds, and in which tags they are

	pg   *postgres.DB
	db   postgres.Writer // pg, or the fence that everything is written through
	sets *depset.Codec
}

// Sources is what is known of source packages. It is a part of a Record.
type Sources struct{ db postgres.Writer }

// Tags is what is known of real builds and their tags. It is a part of a Record.
type Tags struct{ db postgres.Writer }

// New returns the record of a database.
func New(db *postgres.DB) *Record {
	return writing(&Record{Hub: asked.New(db), Sets: built.New(db), pg: db, sets: depset.NewCodec()}, db)
}

// writing has a record write all through one database, or one fence.
func writing(rec *Record, db postgres.Writer) *Record {
	rec.db, rec.Sources, rec.Tags = db, &Sources{db}, &Tags{db}
	return rec
}

// A Fenced is the record for work under a lease: every transaction that writes
// fails with koschei.ErrLeased, and has no effect, once somebody else has the
// lease.
type Fenced struct {
	*Record
	Hub *asked.Fenced // what hubs were asked
}

// Under returns the record for work under a lease that somebody has; see Alone.
func (rec *Record) Under(fence *postgres.Fenced) *Fenced {
	hub := asked.Under(fence)
	return &Fenced{
		Record: writing(&Record{Hub: hub.Memory, Sets: rec.Sets.Writing(fence), pg: rec.pg, sets: rec.sets}, fence),
		Hub:    hub,
	}
}

// Leasing returns the same record with leases that last for ttl; see
// postgres.DB.Leasing.
func (rec *Record) Leasing(ttl time.Duration) *Record {
	other := *rec
	other.pg = rec.pg.Leasing(ttl)
	return &other
}

// Alone runs work under a lease that nobody else has meanwhile; see
// postgres.DB.Alone.
func (rec *Record) Alone(ctx context.Context, name string, holder postgres.Holder, work func(context.Context, *Fenced) error) error {
	return rec.pg.Alone(ctx, name, holder, func(ctx context.Context, fence *postgres.Fenced) error {
		return work(ctx, rec.Under(fence))
	})
}

// Keep is Alone for work in passes, which keeps the lease from one to the next;
// see postgres.DB.Keep.
func (rec *Record) Keep(ctx context.Context, name string, holder postgres.Holder, work func(context.Context, *Fenced) error) (held bool, err error) {
	return rec.pg.Keep(ctx, name, holder, func(ctx context.Context, fence *postgres.Fenced) error {
		return work(ctx, rec.Under(fence))
	})
}

// Release lets the next holder of a lease in at once; see Keep.
func (rec *Record) Release(ctx context.Context, name string, holder postgres.Holder) error {
	return rec.pg.Release(ctx, name, holder)
}
