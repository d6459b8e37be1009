package packagelist

import (
	"context"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// totals remembers for a while what was counted of lists of several collections:
// counting takes longer than showing a page of one, and the numbers hardly ever
// change.
type totals struct {
	packages web.Memo[int]
	states   web.Memo[states]
}

func newTotals() *totals {
	return &totals{web.Memo[int]{Lasts: totalLasts, Most: mostTotals}, web.Memo[states]{Lasts: totalLasts, Most: mostTotals}}
}

// states are the packages of a list by state.
type states struct {
	counts  view.PackageCounts
	tracked int
}

// length returns the length of the list that f lets through, counted anew if it
// was so too long ago, or must be exact.
func (t *totals) length(ctx context.Context, v *view.View, f view.PackageFilter, exact bool) (int, error) {
	count := func(ctx context.Context) (int, error) { return v.CountUnified(ctx, f) }
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
		s.counts, s.tracked, err = v.CountUnifiedStates(ctx, f)
		return s, err
	})
}

func keyOf(f view.PackageFilter) string { return fmt.Sprintf("%+v", f) }

// listed remembers for a moment what lists showed, for many ask for the same.
type listed struct {
	ofOne     web.Memo[segment]
	ofSeveral web.Memo[[]view.UnifiedPackage]
}

func newListed() *listed {
	return &listed{web.Memo[segment]{Lasts: listLasts, Most: mostLists}, web.Memo[[]view.UnifiedPackage]{Lasts: listLasts, Most: mostLists}}
}

// A segment is a part of the list of one collection.
type segment struct {
	packages []view.ListedPackage
	total    int // length of the list
	counts   view.PackageCounts
}

func (l *listed) one(r *web.Request, f view.PackageFilter, o view.ListOrder, s view.Span, ranking schema.Ranking) (segment, error) {
	return l.ofOne.For(r, fmt.Sprintf("%+v %+v %+v", f, o, s), func(ctx context.Context) (found segment, err error) {
		found.packages, found.total, found.counts, err = r.View.PackageList(ctx, f, o, s, ranking)
		return found, err
	})
}

func (l *listed) several(r *web.Request, f view.PackageFilter, o view.ListOrder, s view.Span) ([]view.UnifiedPackage, error) {
	return l.ofSeveral.For(r, fmt.Sprintf("%+v %+v %+v", f, o, s), func(ctx context.Context) ([]view.UnifiedPackage, error) {
		return r.View.UnifiedPackageList(ctx, f, o, s)
	})
}

const (
	listLasts = 2 * time.Second
	mostLists = 200 // of a hundred packages each

	totalLasts = 30 * time.Second
	mostTotals = 1000 // more are asked for only by somebody who plays
)
