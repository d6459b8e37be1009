package selfcheck

import (
	"context"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

// waitingLimit bounds how much that waits is looked at.
const waitingLimit = 10000

// waits remembers since when something was seen to wait. The record does not
// know: a build that has just been heard of may have ended years ago.
type waits[K comparable] map[K]time.Time

// next forgets what does not wait any more, remembers what does now, and
// returns since when each has waited.
func (w *waits[K]) next(waiting []K, now time.Time) []time.Time {
	before := *w
	*w = make(waits[K], len(waiting))
	seen := make([]time.Time, len(waiting))
	for i, key := range waiting {
		first, known := before[key]
		if !known {
			first = now
		}
		(*w)[key], seen[i] = first, first
	}
	return seen
}

// An idWaits remembers packages or builds.
type idWaits struct{ waits[int64] }

// overdue returns what has waited for longer than patience, by collection.
func (w *idWaits) overdue(waiting []maintain.Waiting, now time.Time, patience time.Duration) []maintain.Stuck {
	ids := make([]int64, len(waiting))
	for i := range waiting {
		ids[i] = waiting[i].ID
	}
	var stuck []maintain.Stuck
	place := map[int64]int{}
	for i, first := range w.next(ids, now) {
		if now.Sub(first) <= patience {
			continue
		}
		p := &waiting[i]
		at, known := place[p.CollectionID]
		if !known {
			at = len(stuck)
			place[p.CollectionID] = at
			stuck = append(stuck, maintain.Stuck{CollectionID: p.CollectionID, Collection: p.Collection, Oldest: first})
		}
		x := &stuck[at]
		if first.Before(x.Oldest) {
			x.Oldest = first
		}
		if x.Count++; x.Count <= 3 {
			x.Examples = append(x.Examples, p.Name)
		}
	}
	return stuck
}

// explain adds a finding for each that is stuck, with what is known of the
// service that should deal with it.
func (s *Service) explain(ctx context.Context, db *maintain.Fenced, findings []koschei.Finding, kind koschei.FindingKind, service koschei.Service,
	found []maintain.Stuck, words func(*maintain.Stuck) string,
) ([]koschei.Finding, error) {
	if len(found) == 0 {
		return findings, nil
	}
	fresh, err := db.Freshness(ctx)
	if err != nil {
		return nil, fmt.Errorf("explaining what waits for the %s: %w", service, err)
	}
	for i := range found {
		x := &found[i]
		f := fresh[x.CollectionID]
		findings = append(findings, about(kind, x, "", "%s%s.", words(x), because(f.Report(service))))
	}
	return findings, nil
}
