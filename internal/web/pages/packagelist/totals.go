package packagelist

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/koschei-ci/koschei/internal/view"
)

// totals remembers for a while how long lists of several collections are:
// counting takes longer than showing a page of one, and the number hardly ever
// changes.
type totals struct {
	mu    sync.Mutex
	known map[string]total
	kinds map[string]kinds
}

type total struct {
	packages int
	counted  time.Time // real time
}

// kinds are the packages of a list by state.
type kinds struct {
	counts  view.PackageCounts
	tracked int
	counted time.Time // real time
}

const (
	totalLasts = 30 * time.Second
	mostTotals = 1000 // more are asked for only by somebody who plays
)

// of returns the length of the list that f lets through, counted anew if it
// was so too long ago, or must be exact.
func (t *totals) of(ctx context.Context, v *view.View, f view.PackageFilter, exact bool) (int, error) {
	key := fmt.Sprintf("%+v", f)
	t.mu.Lock()
	remembered, ok := t.known[key]
	t.mu.Unlock()
	if ok && !exact && time.Since(remembered.counted) < totalLasts {
		return remembered.packages, nil
	}
	n, err := v.CountUnified(ctx, f)
	if err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil || len(t.known) >= mostTotals {
		t.known = map[string]total{}
	}
	t.known[key] = total{n, time.Now()}
	return n, nil
}

// states returns how the packages that f lets through but for what it asks of
// their state divide by state, and how many are tracked, both as they were a
// while ago.
func (t *totals) states(ctx context.Context, v *view.View, f view.PackageFilter) (view.PackageCounts, int, error) {
	f.States, f.Running, f.Untracked = nil, false, false
	key := fmt.Sprintf("%+v", f)
	t.mu.Lock()
	remembered, ok := t.kinds[key]
	t.mu.Unlock()
	if ok && time.Since(remembered.counted) < totalLasts {
		return remembered.counts, remembered.tracked, nil
	}
	counts, tracked, err := v.CountUnifiedStates(ctx, f)
	if err != nil {
		return view.PackageCounts{}, 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil || len(t.kinds) >= mostTotals {
		t.kinds = map[string]kinds{}
	}
	t.kinds[key] = kinds{counts, tracked, time.Now()}
	return counts, tracked, nil
}
