package koji

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/koschei-ci/koschei/internal/loop"
)

// Retry says how often a call is tried and how long to wait in between. The
// waits double from Min to Max; half of each is random, lest many clients
// return at the same moment.
type Retry struct {
	Attempts int           // all in all; default 5
	Min, Max time.Duration // default 1 s and 30 s
}

func (r Retry) withDefaults() Retry {
	if r.Attempts == 0 {
		r.Attempts = 5
	}
	if r.Min == 0 {
		r.Min = time.Second
	}
	if r.Max == 0 {
		r.Max = 30 * time.Second
	}
	return r
}

// delay returns the wait after the n-th failure, counted from 1.
func (r Retry) delay(n int) time.Duration {
	full := r.Max
	if n < 30 && r.Min<<(n-1) < r.Max {
		full = r.Min << (n - 1)
	}
	return full/2 + rand.N(full/2+1)
}

// wait lets the time after the n-th failure pass. It returns false if there is
// no further attempt: they are used up, or ctx is done.
func (r Retry) wait(ctx context.Context, n int) bool {
	if n >= r.Attempts {
		return false
	}
	timer := time.NewTimer(r.delay(n))
	defer timer.Stop()
	err := loop.Aside(ctx, func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		}
	})
	return err == nil
}

// ended adds to a failure that the call's time was over.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w, after %w", ctx.Err(), err)
}
