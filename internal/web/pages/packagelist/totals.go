package packagelist

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/koschei-ci/koschei/internal/view"
)

// totals remembers for a while what was counted of lists of several collections:
// counting takes longer than showing a page of one, and the numbers hardly ever
// change.
type totals struct {
	packages counted[int]
	states   counted[states]
}

// states are the packages of a list by state.
type states struct {
	counts  view.PackageCounts
	tracked int
}

// length returns the length of the list that f lets through, counted anew if it
// was so too long ago, or must be exact.
func (t *totals) length(ctx context.Context, v *view.View, f view.PackageFilter, exact bool) (int, error) {
	return t.packages.of(f, exact, func() (int, error) { return v.CountUnified(ctx, f) })
}

// byState returns how the packages that f lets through but for what it asks of
// their state divide by state, as they were a while ago.
func (t *totals) byState(ctx context.Context, v *view.View, f view.PackageFilter) (states, error) {
	f.States, f.Running, f.Untracked = nil, false, false
	return t.states.of(f, false, func() (s states, err error) {
		s.counts, s.tracked, err = v.CountUnifiedStates(ctx, f)
		return s, err
	})
}

const (
	totalLasts = 30 * time.Second
	mostTotals = 1000 // more are asked for only by somebody who plays
)

// counted remembers one kind of number by the filter of the list.
type counted[T any] struct {
	mu    sync.Mutex
	known map[string]total[T]
}

type total[T any] struct {
	value T
	at    time.Time // real time
}

// of returns what count says, or said a while ago if that need not be exact.
func (c *counted[T]) of(f view.PackageFilter, exact bool, count func() (T, error)) (T, error) {
	key := fmt.Sprintf("%+v", f)
	c.mu.Lock()
	remembered, ok := c.known[key]
	c.mu.Unlock()
	if ok && !exact && time.Since(remembered.at) < totalLasts {
		return remembered.value, nil
	}
	value, err := count()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= mostTotals {
		c.known = map[string]total[T]{}
	}
	c.known[key] = total[T]{value, time.Now()}
	return value, nil
}
