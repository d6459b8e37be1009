package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Config is what operators decide about scheduling.
type Config struct {
	Rules         koschei.PriorityRules
	MaxBuilds     int      // scratch builds under way, over all collections
	LoadThreshold float64  // of the hosts a build needs; from 1 on it is not asked for
	BuildArches   []string // builds are made for no others
	TaskPriority  int      // added to the hub's default; higher is less urgent

	TaskTimeout time.Duration // a build that runs longer is canceled; 0 is 48 hours

	// SecondaryPackages is where the primary hub's builders find the packages of
	// the secondary one, relative to the directory of uploads.
	SecondaryPackages string
}

// A Service submits scratch builds. All fields but Metrics, Builds and Secondary
// must be set.
type Service struct {
	koschei.Clock // of domain time

	DB      *record.Record
	Hub     *koji.Client
	Log     *slog.Logger
	Holder  postgres.Holder // of leases
	Metrics *Metrics
	Builds  *kojisync.Metrics // of builds that end; nil if nobody counts
	Config

	Secondary *koji.Client // has the sources of collections in secondary mode; nil if there are none

	failures int                 // passes with the lease that failed, one after the other
	resting  map[int64]time.Time // collections in trouble, until when
	turns    int                 // there were so far
	turn     map[int64]int       // of each collection, the number of its last one
	swept    time.Time           // when sweep was last through
}

const (
	// name is the service's in what is stored of how it fares with collections.
	name = koschei.ServiceScheduler

	// candidates bounds what is looked at of a collection in a pass, and so the
	// calls to the hub.
	candidates = 50

	// rest is how long a collection in trouble does not take part, in domain
	// time. Its trouble must not slow the others down.
	rest = 10 * time.Minute

	// failuresInOffice is after how many passes in a row that failed the lease is
	// given away: the trouble may be that of this process alone.
	failuresInOffice = 5

	// burst bounds what is submitted in a pass, so that the hub's load is seen
	// to rise before there is more.
	burst = 10
)

// Run submits builds until ctx ends, in passes that l begins.
func (s *Service) Run(ctx context.Context, l *loop.Loop) {
	l.Run(ctx, s.pass)
	s.giveUp(ctx)
}

// giveUp lets another process in. Without it the next one waits for the lease
// to end, so it may fail.
func (s *Service) giveUp(ctx context.Context) {
	_ = s.DB.Release(ctx, postgres.SchedulerLease, s.Holder)
}

// pass does nothing in a process that does not hold the lease.
func (s *Service) pass(ctx context.Context) error {
	held, err := s.DB.Keep(ctx, postgres.SchedulerLease, s.Holder, s.work)
	switch {
	case !held:
	case err == nil:
		s.failures = 0
	default:
		if s.failures++; s.failures >= failuresInOffice {
			s.failures = 0
			s.giveUp(ctx)
		}
	}
	return err
}

// work is the pass of the one process that holds the lease.
func (s *Service) work(ctx context.Context, db *record.Fenced) error {
	if !s.Hub.HasLogin() { // whoever only looks has nothing at the hub
		return s.schedule(ctx, db, nil)
	}
	// A task that cannot be canceled, or found, or does not fit, is no reason to
	// build nothing.
	canceled := s.sync(db.Record).CancelBuilds(ctx)
	settled := s.settle(ctx, db.Record)
	if ctx.Err() != nil {
		return errors.Join(canceled, settled)
	}
	if koji.ClassOf(settled) == koji.Transient {
		return errors.Join(canceled, settled, s.schedule(ctx, db, settled))
	}
	return errors.Join(canceled, settled, s.sweep(ctx, db.Record), s.schedule(ctx, db, nil))
}

// sync hears of builds and sources on behalf of the scheduler.
func (s *Service) sync(db *record.Record) *kojisync.Sync {
	sync := kojisync.New(db, koji.Hubs{Primary: s.Hub, Secondary: s.Secondary}, s.Clock, s.Rules, s.Log)
	if s.TaskTimeout > 0 {
		sync.TaskTimeout = s.TaskTimeout
	}
	sync.Metrics = s.Builds
	return sync
}

// schedule fills the free places, collection by collection in turns. A
// collection in trouble does not take part for a while; what troubles it is
// returned in the end. How each collection fared is stored. If the hub is away, why
// is the trouble of all that wait for it.
func (s *Service) schedule(ctx context.Context, db *record.Fenced, away error) error {
	running, err := db.ScratchBuildsRunning(ctx)
	if err != nil {
		return err
	}
	free := s.MaxBuilds
	for _, n := range running {
		free -= n
	}
	all, err := s.queues(ctx, db, free)
	if err != nil {
		return err
	}
	waiting := waiting(all)
	if away == nil && len(waiting) > 0 && s.Hub.HasLogin() {
		_, away = s.Hub.LoggedInUser(ctx)
	}
	switch {
	case away != nil: // nothing is written down that the hub would not take from us
		for _, q := range waiting {
			q.err, q.away = away, true
		}
	case !s.Hub.HasLogin():
		for _, q := range waiting {
			q.remark = "there is no login at Koji, so nothing is built (koji.login is none)"
		}
	default:
		s.fill(ctx, waiting, running, free)
	}
	var troubles []error
	for _, q := range all {
		troubles = append(troubles, q.note(ctx, free > 0))
	}
	return errors.Join(troubles...)
}

// waiting returns the queues that something waits in.
func waiting(queues []*queue) []*queue {
	return slices.DeleteFunc(slices.Clone(queues), func(q *queue) bool { return len(q.packages) == 0 })
}

// fill submits builds from the queues, in turns, until all places are taken or
// nothing fits any more.
func (s *Service) fill(ctx context.Context, queues []*queue, running map[int64]int, free int) {
	for free = min(free, burst); free > 0 && len(queues) > 0; {
		q := s.nextTurn(queues, running)
		submitted, err := q.submitNext(ctx, running[q.collection.ID])
		if err != nil && !refusal(err) && !q.collection.SecondaryMode {
			for _, q := range queues {
				q.err = err // so would they fare
			}
			return
		}
		if q.err = err; submitted {
			running[q.collection.ID]++
			s.turns++
			s.turn[q.collection.ID] = s.turns
			free--
		} else {
			queues = slices.DeleteFunc(queues, func(o *queue) bool { return o == q })
		}
	}
}

// queues returns what each collection has to build that is not resting.
func (s *Service) queues(ctx context.Context, db *record.Fenced, free int) ([]*queue, error) {
	collections, err := db.Collections(ctx)
	if err != nil {
		return nil, err
	}
	if s.resting == nil {
		s.resting, s.turn = map[int64]time.Time{}, map[int64]int{}
	}
	s.forgetDeleted(collections)
	ranking := schema.Ranking{Rules: s.Rules, Now: s.Now()}
	var queues []*queue
	for _, c := range collections {
		if s.resting[c.ID].After(ranking.Now) {
			continue
		}
		q := &queue{submitter: submitter{service: s, db: db.Record, collection: c}, fenced: db}
		if invalid := c.ValidateNumbers(); invalid != nil {
			q.err = invalid // of this collection alone
		} else if c.Paused {
			q.remark = "it is paused: koschei-admin resume goes on"
		} else if free <= 0 {
			q.remark = fmt.Sprintf("all %d places for builds are taken", s.MaxBuilds)
		} else if q.packages, err = db.Schedulable(ctx, c.ID, ranking, candidates); err != nil {
			if postgres.Unavailable(err) != "" || ctx.Err() != nil {
				return nil, fmt.Errorf("collection %s: %w", c.Name, err) // so would the others fare
			}
			q.err = err
		}
		queues = append(queues, q)
	}
	return queues, nil
}

// forgetDeleted drops what is remembered of collections that are not there any more.
func (s *Service) forgetDeleted(collections []koschei.Collection) {
	gone := func(id int64) bool {
		return !slices.ContainsFunc(collections, func(c koschei.Collection) bool { return c.ID == id })
	}
	maps.DeleteFunc(s.resting, func(id int64, _ time.Time) bool { return gone(id) })
	maps.DeleteFunc(s.turn, func(id int64, _ int) bool { return gone(id) })
}

// nextTurn returns the queue of the collection that has the fewest builds under
// way for its weight; of equals the one whose last turn is longest ago, so that
// none waits for ever where places are few; then the one that pages show first.
func (s *Service) nextTurn(queues []*queue, running map[int64]int) *queue {
	share := func(q *queue) float64 { return float64(running[q.collection.ID]) / q.collection.Weight }
	return slices.MinFunc(queues, func(a, b *queue) int {
		return cmp.Or(cmp.Compare(share(a), share(b)), cmp.Compare(s.turn[a.collection.ID], s.turn[b.collection.ID]))
	})
}
