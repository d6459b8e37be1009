package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/loop"
)

// leaseTime is how long a holder that died keeps others waiting, unless
// Leasing says otherwise.
const leaseTime = 30 * time.Second

// Leasing returns the same record with leases that last for ttl. The processes
// that share a lease should agree on it: each asks for as long as it says.
func (db *DB) Leasing(ttl time.Duration) *DB {
	other := *db
	other.leaseTime = ttl
	return &other
}

// A Fenced is the record for work under a lease. Every transaction that writes
// through it fails with koschei.ErrLeased, and has no effect, once somebody else
// has acquired the lease, whatever its holder believes. Nobody can acquire the
// lease between that check and the commit.
//
// What must not be done without a lease only a Fenced can do. Its DB is fenced as
// well, for what may also be done without.
type Fenced struct{ *DB }

func (db *DB) under(l lease) *Fenced {
	under := *db
	under.lease = &l
	return &Fenced{&under}
}

// Alone runs work while holder has the lease of that name, renewing it, and
// lets the next one in at once when work is done. work gets the record under
// the lease and a context that ends when the lease is lost. Alone returns
// koschei.ErrLeased, and does nothing, if the lease is taken, be it by the same
// holder.
func (db *DB) Alone(ctx context.Context, name string, holder Holder, work func(context.Context, *Fenced) error) error {
	l, err := db.acquire(ctx, name, holder, false)
	if err != nil {
		return err
	}
	err = db.workUnder(ctx, l, work)
	if released := db.release(ctx, l); err == nil {
		err = released
	}
	return err
}

// Keep is Alone for work that is done in passes, one after the other. The holder
// has the lease for its next pass, too, so that replicas do not take turns: others
// get it when it has run out, or after Release. Keep reports whether the holder
// has it; if not, nothing was done.
func (db *DB) Keep(ctx context.Context, name string, holder Holder, work func(context.Context, *Fenced) error) (held bool, err error) {
	l, err := db.acquire(ctx, name, holder, true)
	if errors.Is(err, koschei.ErrLeased) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, db.workUnder(ctx, l, work)
}

// workUnder runs work under a lease, renewing it.
func (db *DB) workUnder(ctx context.Context, l lease, work func(context.Context, *Fenced) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		db.keepRenewing(loop.Beside(ctx), stop, l)
	}()
	err := work(ctx, db.under(l))
	stop(nil)
	<-renewed
	return err
}

// keepRenewing keeps a lease until ctx ends, and ends it when the lease is lost.
func (db *DB) keepRenewing(ctx context.Context, lost context.CancelCauseFunc, l lease) {
	ticker := time.NewTicker(db.leaseTime / 3)
	defer ticker.Stop()
	expires := time.Now().Add(db.leaseTime)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		err := db.renew(ctx, l)
		switch {
		case err == nil:
			expires = asked.Add(db.leaseTime)
		case ctx.Err() != nil:
			return
		case errors.Is(err, koschei.ErrLeased) || time.Now().After(expires):
			lost(err)
			return
		}
	}
}
