// Package loop runs a service's pass again and again until the service ends: at
// once at the start, then after an interval with some jitter. A wake-up makes the
// next pass start earlier, failures make it start later. Every service uses the
// package, and nothing else decides when a pass begins.
//
// A pass that fails is logged, counted and tried again: no failure ends a loop. The
// package does not know what a pass does and starts no goroutine. It does not keep
// two loops from doing the same work; leases in the database do.
package loop

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/koschei-ci/koschei"
)

// A Loop says when the passes of a service begin. Run uses it once.
type Loop struct {
	Name     string          // of the service, in logs and metrics
	Interval time.Duration   // domain time from the end of a pass to the next
	Clock    koschei.Clock   // only its speed counts
	Passes   int             // after so many Run returns; 0: it goes on until the service ends
	Wake     <-chan struct{} // begins the next pass early; nil if nothing does
	Log      *slog.Logger
	Metrics  *Metrics // nil if nobody counts

	lastSuccess atomic.Int64 // real time in nanoseconds; 0 if none
}

const (
	// floor keeps a loop from eating the machine, however fast domain time runs.
	floor = 200 * time.Millisecond

	// wakeRest and a tenth of the interval, whichever is shorter, are what a loop
	// rests before it can be woken, so that a stream of wake-ups makes passes a
	// few times as often and not all the time.
	wakeRest = time.Second

	firstRetry = 10 * time.Second // domain time, unless the interval is shorter
	lastRetry  = 5 * time.Minute  // domain time, unless the interval is longer
	minRetry   = time.Second      // real time that lastRetry is at least

	// awayRetry is the longest wait, in real time, after a pass that the database
	// was away for. It is ours, and asking whether it is back costs it nothing.
	awayRetry = 8 * time.Second
)

// Run calls pass until ctx ends or there were l.Passes.
func (l *Loop) Run(ctx context.Context, pass func(context.Context) error) {
	failures := 0
	for done := 1; ctx.Err() == nil; done++ {
		began, p := time.Now(), new(pulse)
		p.beat(began)
		l.Metrics.begin(l.Name, p, began)
		away := new(atomic.Bool)
		err := pass(context.WithValue(context.WithValue(ctx, pulseKey{}, p), awayKey{}, away))
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return // that is no failure
		}
		l.note(ctx, err, time.Since(began), failures)
		if err == nil {
			failures = 0
		} else {
			failures++
		}
		if done == l.Passes || !l.rest(ctx, failures, away.Load()) {
			return
		}
	}
}

// LastSuccess is the real time at which a pass last ended well, zero if none
// did yet. It may be called while the loop runs.
func (l *Loop) LastSuccess() time.Time {
	if n := l.lastSuccess.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

func (l *Loop) note(ctx context.Context, err error, took time.Duration, failures int) {
	now := time.Now()
	l.Metrics.observe(l.Name, err, took, now)
	if err == nil {
		l.lastSuccess.Store(now.UnixNano())
		if failures > 0 {
			l.Log.InfoContext(ctx, "pass succeeded again", "service", l.Name, "failures", failures)
		}
		return
	}
	l.Log.ErrorContext(ctx, "pass failed", "service", l.Name, "failures", failures+1, "error", err)
}

// rest waits for the next pass, or returns false if there will be none. What
// wakes the loop does not cut the wait after a failure short. If the database was
// away, that wait is short.
func (l *Loop) rest(ctx context.Context, failures int, away bool) bool {
	wait, wake := jitter(l.real(l.Interval)), l.Wake
	if failures > 0 {
		wait, wake = l.backOff(failures), nil
		if away {
			wait = min(wait, awayRetry)
		}
		wait = jitter(wait)
	}
	rest := max(min(wait, l.real(l.Interval)/10, wakeRest), floor)
	return pause(ctx, rest, nil) && pause(ctx, wait-rest, wake)
}

// backOff is the wait after so many failures in a row. It doubles from a
// moment to the interval or lastRetry, whichever is longer.
func (l *Loop) backOff(failures int) time.Duration {
	shortest := l.real(min(l.Interval, firstRetry))
	longest := max(l.real(max(l.Interval, lastRetry)), minRetry)
	if failures > 20 || shortest<<(failures-1) > longest {
		return longest
	}
	return shortest << (failures - 1)
}

// Pace is the real time from the end of a pass to the next, if nothing wakes the
// loop and nothing fails.
func (l *Loop) Pace() time.Duration { return l.real(l.Interval) }

// real returns how long a domain time takes.
func (l *Loop) real(d time.Duration) time.Duration {
	return max(l.Clock.Real(d), floor)
}

// jitter moves d by up to a tenth, so that loops do not march in step.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}

// pause waits for d or for wake. It returns false if ctx ended.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
