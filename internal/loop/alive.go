package loop

import (
	"context"
	"sync/atomic"
	"time"
)

type pulseKey struct{}

// A pulse is when something was last known to happen in a pass.
type pulse struct{ last atomic.Int64 } // real time in nanoseconds

func (p *pulse) beat(now time.Time) { p.last.Store(now.UnixNano()) }

// silent is how long nothing has happened.
func (p *pulse) silent(now time.Time) time.Duration { return now.Sub(time.Unix(0, p.last.Load())) }

// Alive says that the pass whose context ctx comes from is getting on: a
// statement was answered, a call, some of a file has come, a package is done. A
// pass of which nothing is heard for long counts as stuck; see Metrics.Failing.
// Outside of a pass it does nothing.
func Alive(ctx context.Context) {
	if p, ok := ctx.Value(pulseKey{}).(*pulse); ok {
		p.beat(time.Now())
	}
}

type awayKey struct{}

// DatabaseAway says that in the pass whose context ctx comes from the database could
// not be asked or written. If the pass fails, the next one begins soon: when a
// database is back, all that lay still goes on. Outside of a pass it does nothing.
func DatabaseAway(ctx context.Context) {
	if away, ok := ctx.Value(awayKey{}).(*atomic.Bool); ok {
		away.Store(true)
	}
}

// Beside returns a context for what goes on beside the work of a pass, such as
// renewing its lease: that it goes on says nothing of the pass.
func Beside(ctx context.Context) context.Context {
	return context.WithValue(ctx, pulseKey{}, nil)
}
