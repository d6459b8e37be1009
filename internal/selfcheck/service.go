package selfcheck

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/maintain"
	"github.com/koschei-ci/koschei/internal/schema"
)

const (
	queuePatience   = time.Hour        // for something to be submitted while there is room
	stallPatience   = 5 * time.Minute  // for something that waits to be built then
	leasePatience   = 5 * time.Minute  // real time, for a lease to be taken over
	startsWithin    = 24 * time.Hour   // real time
	startsMany      = 20               // starts of a service within that time that are too many
	sinkPatience    = time.Hour        // real time, for a delivery to arrive
	servicePatience = 30 * time.Minute // at least, for a service to do its work for a collection
	missedPasses    = 10               // and for that many intervals
)

// queues finds collections of which nothing is submitted although something
// waits and there is room.
func (s *Service) queues(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	queues, err := db.QueueStatuses(ctx, schema.Ranking{Rules: s.Rules, Now: now})
	if err != nil {
		return nil, err
	}
	free := s.MaxBuilds
	for i := range queues {
		free -= queues[i].Running
	}
	var still []*maintain.QueueStatus
	var ids []int64
	for i := range queues {
		q := &queues[i]
		full := free <= 0 || q.Collection.MaxBuilds > 0 && q.Running >= q.Collection.MaxBuilds
		if q.Next != "" && !full && now.Sub(q.Submitted) > s.patience(queuePatience) {
			still, ids = append(still, q), append(ids, q.Collection.ID)
		}
	}
	var findings []koschei.Finding
	for i, first := range s.stalled.next(ids, now) {
		if now.Sub(first) <= s.patience(stallPatience) {
			continue
		}
		q := still[i]
		why, err := s.whyStalled(ctx, db, &q.Collection)
		if err != nil {
			return nil, err
		}
		findings = append(findings, aboutCollection(koschei.FindingQueue, &q.Collection,
			"%s waits to be built and there is room, but nothing of the collection was submitted %s%s.",
			q.Next, sinceOrEver(q.Submitted), why))
	}
	return findings, nil
}

// whyStalled tells what is known of why nothing is submitted.
func (s *Service) whyStalled(ctx context.Context, db *maintain.Fenced, c *koschei.Collection) (string, error) {
	there, err := db.LeaseHeld(ctx, postgres.SchedulerLease)
	if err != nil {
		return "", err
	}
	if !there {
		return ": no scheduler is running", nil
	}
	fresh, err := db.Freshness(ctx)
	if err != nil {
		return "", err
	}
	f := fresh[c.ID]
	r := f.Report(koschei.ServiceScheduler)
	if r.Trouble == "" && r.Remark != "" {
		return ": " + r.Remark, nil
	}
	return because(r), nil
}

// leases finds leases whose holders died and that nobody took over.
func (s *Service) leases(ctx context.Context, db *maintain.Fenced, _ time.Time) ([]koschei.Finding, error) {
	dead, err := db.DeadLeases(ctx, leasePatience)
	var findings []koschei.Finding
	for _, l := range dead {
		findings = append(findings, koschei.Finding{
			Kind: koschei.FindingLease, Subject: l.Name, Count: 1,
			Sentence: fmt.Sprintf("Who had lease %s died, it ran out %v ago, and nobody took over.", l.Name, -l.Expires.Round(time.Minute)),
		})
	}
	return findings, err
}

// restarts finds services that are started again and again.
func (s *Service) restarts(ctx context.Context, db *maintain.Fenced, _ time.Time) ([]koschei.Finding, error) {
	starts, err := db.ServiceStarts(ctx, startsWithin)
	var findings []koschei.Finding
	for _, x := range starts {
		if x.Count < startsMany {
			continue
		}
		findings = append(findings, koschei.Finding{
			Kind: koschei.FindingRestarts, Subject: string(x.Service), Count: x.Count,
			Sentence: fmt.Sprintf("The %s was started %d times within a day: it seems not to stay alive.", x.Service, x.Count),
		})
	}
	return findings, err
}

// services finds collections that a service has not done its work for.
func (s *Service) services(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	collections, err := db.Record.Collections(ctx)
	if err != nil {
		return nil, err
	}
	fresh, err := db.Freshness(ctx)
	if err != nil {
		return nil, err
	}
	type duty struct {
		collection *koschei.Collection
		report     koschei.ServiceReport
	}
	var duties []duty
	var keys []string
	for i := range collections {
		f := fresh[collections[i].ID]
		for _, name := range slices.Sorted(maps.Keys(s.Intervals)) {
			duties = append(duties, duty{&collections[i], f.Report(name)})
			keys = append(keys, collections[i].Name+" "+string(name))
		}
	}
	var findings []koschei.Finding
	for i, known := range s.absent.next(keys, now) {
		d := duties[i]
		last := d.report.Succeeded
		if last.IsZero() {
			last = known // of the collection, that is
		}
		if now.Sub(last) <= s.patience(max(missedPasses*s.Intervals[d.report.Service], servicePatience)) {
			continue
		}
		x := aboutCollection(koschei.FindingService, d.collection, "%s", late(d.report))
		x.Subject = keys[i]
		findings = append(findings, x)
	}
	return findings, nil
}

func late(r koschei.ServiceReport) string {
	text := fmt.Sprintf("the %s has not done its work since %s", r.Service, since(r.Succeeded))
	if r.Succeeded.IsZero() {
		text = fmt.Sprintf("the %s has never done its work", r.Service)
	}
	if r.Trouble != "" {
		text += fmt.Sprintf("; trouble since %s: %s", since(r.FirstSeen), r.Trouble)
	}
	return text + "."
}

// deliveries finds sinks by which events do not leave.
func (s *Service) deliveries(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	sinks, err := db.StuckSinks(ctx, sinkPatience, now.Add(-s.patience(sinkPatience)))
	if err != nil {
		return nil, err
	}
	var found []koschei.Finding
	for _, x := range sinks {
		found = append(found, koschei.Finding{
			Kind: koschei.FindingDelivery, Subject: x.Sink, Count: x.Waiting + x.Dead, Sentence: stuckSink(&x),
		})
	}
	return found, nil
}

// owners finds lists of owners that are not believed.
func (s *Service) owners(ctx context.Context, db *maintain.Fenced, _ time.Time) ([]koschei.Finding, error) {
	doubts, err := db.OwnerDoubts(ctx)
	var found []koschei.Finding
	for _, d := range doubts {
		found = append(found, koschei.Finding{
			Kind: koschei.FindingOwners, Subject: d.What, Count: 1,
			Sentence: fmt.Sprintf("The list of %s is not believed since %s: %s.", d.What, since(d.Since), d.Why),
		})
	}
	return found, err
}

func stuckSink(x *maintain.StuckSink) string {
	var parts []string
	if x.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("deliveries that wait: %d, the oldest for %s", x.Waiting, x.Oldest.Round(time.Second)))
	}
	if x.Dead > 0 {
		parts = append(parts, fmt.Sprintf("deliveries given up: %d", x.Dead))
	}
	if !x.Unlooked.IsZero() {
		parts = append(parts, "no notifier has looked at what happened since "+since(x.Unlooked))
	}
	text := "sink " + x.Sink + ": " + strings.Join(parts, "; ")
	if x.Error != "" {
		text += "; the last error was: " + x.Error
	}
	return text + "."
}
