// Package selfcheck finds what is stuck: builds that nobody asks about any more,
// packages that nobody would ever resolve, queues in which nothing moves, services
// that are gone or start again and again. It repairs what it can. Everything is
// stored as findings, logged and counted, so that operators need not hear of it from
// users months later.
//
// Every process with services runs it, and a lease lets one of them work: whatever
// process is missing, another one reports it. It reads only the record, with one
// exception: it asks the hub about submissions that a scheduler left open while no
// scheduler runs.
//
// It leaves alone what a service is working on: locked rows, collections that are
// being resolved, submissions while there is a scheduler. It decides nothing that a
// service decides, and sends nothing to anybody.
package selfcheck

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/maintain"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Config is what the self-check must know of the services.
type Config struct {
	Rules       koschei.PriorityRules
	MaxBuilds   int                               // scratch builds under way, over all collections
	TaskTimeout time.Duration                     // after which the scheduler cancels a build
	LongestCall time.Duration                     // for which a submission may be under way, domain time
	Intervals   map[koschei.Service]time.Duration // of the services that note how they fare with collections, by name
}

// A Service checks. All fields but Metrics must be set.
type Service struct {
	koschei.Clock // of domain time

	DB      *maintain.Maintenance
	Sync    *kojisync.Sync
	Log     *slog.Logger
	Holder  postgres.Holder // of leases
	Metrics *Metrics
	Config

	// Since when something waits for a service to deal with it.
	due     idWaits       // packages that could be resolved
	deps    idWaits       // builds of which it could be found out what they were made with
	unknown idWaits       // packages of whose source package nothing is known
	stalled waits[int64]  // collections of which nothing is submitted
	absent  waits[string] // collections with services, since they are known
}

const leaseName = string(koschei.ServiceSelfCheck)

// Run checks until ctx ends, in passes that l begins.
func (s *Service) Run(ctx context.Context, l *loop.Loop) {
	db := s.DB.Leasing(leaseTime(l))
	l.Run(ctx, func(ctx context.Context) error { return s.pass(ctx, db) })
	_ = db.Release(ctx, leaseName, s.Holder) // else the next one waits for it to run out
}

// leaseTime is how long, in real time, others wait for a process that has died:
// it has the lease from one pass to the next.
func leaseTime(l *loop.Loop) time.Duration {
	return 2*l.Clock.Real(l.Interval) + time.Minute
}

// pass does nothing in a process that does not hold the lease.
func (s *Service) pass(ctx context.Context, db *maintain.Maintenance) error {
	_, err := db.Keep(ctx, leaseName, s.Holder, s.work)
	return err
}

// work is the pass of the one process that holds the lease.
func (s *Service) work(ctx context.Context, db *maintain.Fenced) error {
	now := s.Now()
	var checked []koschei.FindingKind
	var findings []koschei.Finding
	var troubles []error
	for _, c := range s.checks() {
		found, err := c.run(ctx, db, now)
		if err != nil {
			troubles = append(troubles, err)
			continue
		}
		checked, findings = append(checked, c.kind), append(findings, found...)
	}
	for i := range findings {
		s.tell(ctx, &findings[i])
	}
	return errors.Join(append(troubles,
		db.SaveFindings(ctx, checked, findings, now),
		db.ForgetLeases(ctx, leaseMemory),
		db.Record.CountStatesHourly(ctx, schema.Ranking{Rules: s.Rules, Now: now}))...)
}

// leaseMemory is how long, in real time, it is told that a lease ran out.
const leaseMemory = 24 * time.Hour

func (s *Service) tell(ctx context.Context, f *koschei.Finding) {
	s.Metrics.found(f)
	log := s.Log.With("kind", f.Kind, "collection", f.Collection, "subject", f.Subject, "count", f.Count, "finding", f.Sentence)
	if f.Repair == "" {
		log.WarnContext(ctx, "found something that needs attention")
		return
	}
	log.WarnContext(ctx, "repaired what was stuck or wrong", "repair", f.Repair)
}

// A check looks for one kind of thing.
type check struct {
	kind koschei.FindingKind
	run  func(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error)
}

func (s *Service) checks() []check {
	return []check{
		{koschei.FindingSubmission, s.submissions},
		{koschei.FindingRunning, s.running},
		{koschei.FindingDeps, s.dependencies},
		{koschei.FindingSource, s.sources},
		{koschei.FindingDue, s.duePackages},
		{koschei.FindingUntried, s.untried},
		{koschei.FindingHold, s.holds},
		{koschei.FindingQueue, s.queues},
		{koschei.FindingLease, s.leases},
		{koschei.FindingRestarts, s.restarts},
		{koschei.FindingColumns, s.columns},
		{koschei.FindingService, s.services},
		{koschei.FindingDoubt, doubts},
		{koschei.FindingLogs, s.logs},
		{koschei.FindingMetadata, metadata},
		{koschei.FindingDelivery, s.deliveries},
		{koschei.FindingOwners, s.owners},
	}
}

// leastPatience is the real time that anything may take: a clock that runs fast
// does not make us work faster.
const leastPatience = 5 * time.Minute

// patience is how long, in domain time, something may take that should take no
// longer than d.
func (s *Service) patience(d time.Duration) time.Duration {
	return max(d, leastPatience, s.Domain(leastPatience))
}
