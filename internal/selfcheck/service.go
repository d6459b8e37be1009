package selfcheck

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

const (
	queuePatience   = time.Hour        // for something that waits to be built, while there is room
	leasePatience   = 5 * time.Minute  // real time, for a lease to be taken over
	startsWithin    = 24 * time.Hour   // real time
	startsMany      = 20               // starts of a service within that time that are too many
	outboxPatience  = time.Hour        // for a message to be sent
	servicePatience = 30 * time.Minute // at least, for a service to do its work for a collection
	missedPasses    = 10               // and for that many intervals
)

// queues finds collections of which nothing is submitted although something
// waits, there is room, and that was so in the pass before.
func (s *Service) queues(ctx context.Context, db *postgres.DB, now time.Time) ([]koschei.Finding, error) {
	queues, err := db.QueueStatuses(ctx, postgres.Ranking{Rules: s.Rules, Now: now})
	if err != nil {
		return nil, err
	}
	free := s.MaxBuilds
	for _, q := range queues {
		free -= q.Running
	}
	before := s.stalled
	s.stalled = map[int64]bool{}
	var findings []koschei.Finding
	for _, q := range queues {
		c := &q.Collection
		full := free <= 0 || c.MaxBuilds > 0 && q.Running >= c.MaxBuilds
		if q.Next == "" || full || now.Sub(q.Submitted) <= s.patience(queuePatience) {
			continue
		}
		s.stalled[c.ID] = true
		if !before[c.ID] {
			continue
		}
		why, err := s.whyStalled(ctx, db, c)
		if err != nil {
			return nil, err
		}
		findings = append(findings, about(koschei.FindingQueue, &postgres.Stuck{CollectionID: c.ID, Collection: c.Name, Count: 1}, "",
			"%s waits to be built and there is room, but nothing of the collection was submitted %s%s.",
			q.Next, sinceOrEver(q.Submitted), why))
	}
	return findings, nil
}

// whyStalled tells what is known of why nothing is submitted.
func (s *Service) whyStalled(ctx context.Context, db *postgres.DB, c *koschei.Collection) (string, error) {
	there, err := db.LeaseHeld(ctx, "scheduler")
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
	r := f.Report("scheduler")
	if r.Trouble == "" && r.Remark != "" {
		return ": " + r.Remark, nil
	}
	return because(r), nil
}

// leases finds leases whose holders died and that nobody took over.
func (s *Service) leases(ctx context.Context, db *postgres.DB, _ time.Time) ([]koschei.Finding, error) {
	dead, err := db.DeadLeases(ctx, leasePatience)
	var findings []koschei.Finding
	for _, l := range dead {
		findings = append(findings, koschei.Finding{
			Kind: koschei.FindingLease, Subject: l.Name, Count: 1,
			Sentence: fmt.Sprintf("%s died with lease %s, which ran out %v ago, and nobody took over.",
				l.Holder, l.Name, -l.Expires.Round(time.Minute)),
		})
	}
	return findings, err
}

// restarts finds services that are started again and again.
func (s *Service) restarts(ctx context.Context, db *postgres.DB, _ time.Time) ([]koschei.Finding, error) {
	starts, err := db.ServiceStarts(ctx, startsWithin)
	var findings []koschei.Finding
	for _, x := range starts {
		if x.Count < startsMany {
			continue
		}
		findings = append(findings, koschei.Finding{
			Kind: koschei.FindingRestarts, Subject: x.Service, Count: x.Count,
			Sentence: fmt.Sprintf("%s was started %d times within a day, last as %s: it seems not to stay alive.", x.Service, x.Count, x.Holder),
		})
	}
	return findings, err
}

// services finds collections that a service has not done its work for.
func (s *Service) services(ctx context.Context, db *postgres.DB, now time.Time) ([]koschei.Finding, error) {
	collections, err := db.Collections(ctx)
	if err != nil {
		return nil, err
	}
	fresh, err := db.Freshness(ctx)
	if err != nil {
		return nil, err
	}
	before := s.absent
	s.absent = map[string]bool{}
	var findings []koschei.Finding
	for _, c := range collections {
		f := fresh[c.ID]
		for _, name := range slices.Sorted(maps.Keys(s.Intervals)) {
			r := f.Report(name)
			subject := c.Name + " " + name
			if r.Succeeded.IsZero() {
				s.absent[subject] = true
				if !before[subject] {
					continue
				}
			} else if now.Sub(r.Succeeded) <= s.patience(max(missedPasses*s.Intervals[name], servicePatience)) {
				continue
			}
			x := about(koschei.FindingService, &postgres.Stuck{CollectionID: c.ID, Collection: c.Name, Count: 1}, "", "%s", late(r))
			x.Subject = subject
			findings = append(findings, x)
		}
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

// outbox finds messages that nobody sends, where messages are sent.
func (s *Service) outbox(ctx context.Context, db *postgres.DB, now time.Time) ([]koschei.Finding, error) {
	n, oldest, err := db.StuckMessages(ctx, now.Add(-s.patience(outboxPatience)))
	if err != nil || n == 0 {
		return nil, err
	}
	return []koschei.Finding{{
		Kind: koschei.FindingOutbox, Subject: "outbox", Count: n,
		Sentence: fmt.Sprintf("%d messages wait to be sent, the oldest since %s.", n, since(oldest)),
	}}, nil
}
