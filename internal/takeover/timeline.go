package takeover

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/koschei-ci/koschei/internal/koji"
)

// A timeline finds events of a hub by when they happened. The hub has no index
// for that: getLastEvent(before) walks back from the present, and takes seconds
// for a time of months ago. Looking an event up by its number takes it a
// millisecond. So the search is ours: all times at once, each between two events
// that are known, closer with each round. What was learned stays, so the more was
// found, the less is asked.
type timeline struct {
	hub   *koji.Client
	known []koji.Event   // by id; the first is a beginning before all events
	gaps  map[int64]bool // ids that no event has
}

// before returns the ids of the newest events before times, 0 where there is
// none.
func (l *timeline) before(ctx context.Context, times []time.Time) ([]int64, error) {
	if err := l.reach(ctx, times); err != nil {
		return nil, err
	}
	found := make([]int64, len(times))
	open := make([]int, len(times))
	for i := range open {
		open[i] = i
	}
	for round := 0; len(open) > 0; round++ {
		ask := map[int64]bool{}
		open = slices.DeleteFunc(open, func(i int) bool {
			lo, hi := l.around(times[i])
			from, to := l.between(lo.ID, hi.ID)
			if from > to || round == longest {
				found[i] = lo.ID
				return true
			}
			for _, id := range guesses(times[i], lo, hi, from, to, round) {
				ask[l.skipGap(id, from, to)] = true
			}
			return false
		})
		if err := l.learn(ctx, slices.Sorted(maps.Keys(ask))); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// reach makes the line begin before all events and end after all times, or with
// the hub's newest event.
func (l *timeline) reach(ctx context.Context, times []time.Time) error {
	if len(times) == 0 {
		return nil
	}
	if l.known == nil {
		l.known, l.gaps = []koji.Event{{}}, map[int64]bool{}
	}
	latest := slices.MaxFunc(times, time.Time.Compare)
	if end := l.known[len(l.known)-1]; end.ID != 0 && end.At.After(latest) {
		return nil
	}
	last, err := l.hub.LastEvent(ctx)
	if err != nil {
		return fmt.Errorf("the newest event: %w", err)
	}
	end := l.known[len(l.known)-1]
	if last.ID <= end.ID {
		return nil
	}
	l.known = append(l.known, last)
	// Steps back from it, each twice as long as the one before.
	var ids []int64
	for step := int64(1); last.ID-step > end.ID; step *= 2 {
		ids = append(ids, last.ID-step)
	}
	slices.Reverse(ids)
	return l.learn(ctx, ids)
}

// around returns the events known right before and right after a time; after
// the newest event comes an imaginary one.
func (l *timeline) around(t time.Time) (lo, hi koji.Event) {
	i, _ := slices.BinarySearchFunc(l.known[1:], t, func(e koji.Event, t time.Time) int { return e.At.Compare(t) })
	lo = l.known[i]
	if i+1 < len(l.known) {
		return lo, l.known[i+1]
	}
	return lo, koji.Event{ID: lo.ID + 1}
}

// between returns the first and the last id between two that may have an event.
func (l *timeline) between(lo, hi int64) (from, to int64) {
	from, to = lo+1, hi-1
	for from <= to && l.gaps[from] {
		from++
	}
	for from <= to && l.gaps[to] {
		to--
	}
	return from, to
}

// skipGap returns an id that may have an event: this one, or the next below it.
func (l *timeline) skipGap(id, from, to int64) int64 {
	id = min(max(id, from), to)
	for id > from && l.gaps[id] {
		id--
	}
	return id
}

// patience is after how many rounds a search goes on by steps from both ends, each
// twice as long as the one before. That comes to its end whatever the times of
// events are, and finds the edges of a gap of thousands.
const patience = 6

// longest is after how many rounds the event known before a time is taken for the
// newest before it. Steps need fewer; more are needed only to make sure that a
// gap of thousands is nothing but a gap.
const longest = 40

// guesses returns ids to look up, from from to to, of which two are hoped to
// have the time between them.
func guesses(t time.Time, lo, hi koji.Event, from, to int64, round int) []int64 {
	n := to - from + 1
	if n <= 3 {
		ids := make([]int64, n)
		for i := range ids {
			ids[i] = from + int64(i)
		}
		return ids
	}
	if round >= patience || lo.ID == 0 || !hi.At.After(lo.At) {
		ids := []int64{from + n/2}
		for step := int64(1); step < n; step *= 2 {
			ids = append(ids, from+step-1, to-step+1)
		}
		return ids
	}
	// Events come at random, so of n the place of one is off by about the root.
	part := float64(t.Sub(lo.At)) / float64(hi.At.Sub(lo.At))
	guess := lo.ID + int64(math.Round(part*float64(hi.ID-lo.ID)))
	off := max(1, int64(math.Sqrt(float64(n))/2))
	return []int64{guess - off, guess + off}
}

// learn looks events up and adds them.
func (l *timeline) learn(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	events, err := l.hub.Events(ctx, ids)
	if err != nil {
		return fmt.Errorf("looking events up: %w", err)
	}
	merged := make([]koji.Event, 0, len(l.known)+len(events))
	rest := l.known
	for i, e := range events {
		if e.ID == 0 {
			l.gaps[ids[i]] = true
			continue
		}
		n, _ := slices.BinarySearchFunc(rest, e.ID, func(e koji.Event, id int64) int { return cmp.Compare(e.ID, id) })
		merged = append(merged, rest[:n]...)
		if rest = rest[n:]; len(rest) == 0 || rest[0].ID != e.ID {
			merged = append(merged, e)
		}
	}
	l.known = append(merged, rest...)
	return nil
}
