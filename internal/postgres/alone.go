package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/koschei-ci/koschei"
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

// LeaseTime is how long a holder that died keeps others waiting.
func (db *DB) LeaseTime() time.Duration { return db.leaseTime }

// Alone runs work while holder has the lease of that name, renewing it, and
// lets the next one in at once when work is done. work gets the record Under
// the lease and a context that ends when the lease is lost. Alone returns
// koschei.ErrLeased, and does nothing, if somebody else has the lease.
func (db *DB) Alone(ctx context.Context, name, holder string, work func(ctx context.Context, db *DB) error) error {
	lease, err := db.AcquireLease(ctx, name, holder, db.leaseTime)
	if err != nil {
		return err
	}
	working, stop := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		db.renew(working, stop, lease)
	}()
	err = work(working, db.Under(lease))
	stop(nil)
	<-renewed
	releasing, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.leaseTime)
	defer cancel()
	if released := db.ReleaseLease(releasing, lease); err == nil {
		err = released
	}
	return err
}

// renew keeps a lease until ctx ends, and ends it when the lease is lost.
func (db *DB) renew(ctx context.Context, lost context.CancelCauseFunc, lease Lease) {
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
		err := db.RenewLease(ctx, lease, db.leaseTime)
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
