package packagelist

import (
	"context"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// totals remembers for a while what was counted of lists: counting takes longer than
// showing a page of one, and the numbers hardly ever change.
type totals struct {
	ones     web.Memo[counted] // of one collection
	packages web.Memo[int]
	states   web.Memo[states]
}

func newTotals() *totals {
	return &totals{
		web.Memo[counted]{Lasts: oneLasts, Most: mostTotals},
		web.Memo[int]{Lasts: totalLasts, Most: mostTotals},
		web.Memo[states]{Lasts: totalLasts, Most: mostTotals},
	}
}

// states are the packages of a list by state.
type states struct {
	counts  view.PackageCounts
	tracked int
}

// A counted is how long a list of one collection is, and how what it is of divides.
type counted struct {
	total  int
	counts view.PackageCounts
}

// one counts the list of one collection that f lets through, or did a moment ago.
func (t *totals) one(ctx context.Context, v *view.View, f view.PackageFilter) (counted, error) {
	return t.ones.Get(ctx, keyOf(f), func(ctx context.Context) (c counted, err error) {
		c.total, c.counts, err = v.Packages.Count(ctx, f)
		return c, err
	})
}

// length returns the length of the list that f lets through, counted anew if it
// was so too long ago, or must be exact.
func (t *totals) length(ctx context.Context, v *view.View, f view.PackageFilter, exact bool) (int, error) {
	count := func(ctx context.Context) (int, error) { return v.Packages.CountUnified(ctx, f) }
	if exact {
		return t.packages.Renew(ctx, keyOf(f), count)
	}
	return t.packages.Get(ctx, keyOf(f), count)
}

// byState returns how the packages that f lets through but for what it asks of
// their state divide by state, as they were a while ago.
func (t *totals) byState(ctx context.Context, v *view.View, f view.PackageFilter) (states, error) {
	f.States, f.Running, f.Untracked = nil, false, false
	return t.states.Get(ctx, keyOf(f), func(ctx context.Context) (s states, err error) {
		s.counts, s.tracked, err = v.Packages.CountUnifiedStates(ctx, f)
		return s, err
	})
}

func keyOf(f view.PackageFilter) string { return fmt.Sprintf("%+v", f) }

const (
	oneLasts   = time.Second
	totalLasts = 30 * time.Second
	mostTotals = 1000 // more are asked for only by somebody who plays
)
