// Package polling asks Koji at an interval for everything that has changed, so that
// the record becomes right even if messages were lost: how running builds go, which
// packages collections have, which builds are tagged, what their sources say, which
// repos still exist. A few times a day it asks for everything instead. It is one of
// the services; only the program imports it.
//
// Package kojisync stores the answers. Polling decides what is asked, in which
// order, and that trouble with one thing does not stop the others. When it is woken
// for some collections it asks about these only, unless it is time for all. Several
// processes may poll at once: the record stays right, and the hub is asked more
// often.
package polling

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/record"
)

// A Service polls. All fields but Rung must be set.
type Service struct {
	DB   *record.Record
	Sync *kojisync.Sync
	Log  *slog.Logger

	// Rung says which collections the loop was woken for; see postgres.Alarm.
	// Without it, every pass is for all.
	Rung func() (collections []int64, all bool)

	// FullInterval is how often everything is asked for, changed or not, in domain
	// time; 0 is kojisync.DefaultFull.
	FullInterval time.Duration

	// BuildsInterval is the time between two looks at running builds; 0 is that
	// between two polls, and never is it longer.
	BuildsInterval time.Duration

	interval time.Duration // between two polls of everything, in domain time
	polled   time.Time     // when the last of these began

	mu    sync.Mutex
	facts map[int64]factsLook // by collection
}

// A factsLook is how far it is known that no facts of sources are missing.
type factsLook struct {
	newest int64     // build when the last look began
	before int64     // build when the one before it began; 0 if all builds must be looked at
	all    time.Time // when all were looked at last
}

// Run polls until ctx ends, in passes that l begins. Running builds have a loop
// of their own, with an interval of its own: they are what people and free places
// wait for, and a large collection that is new takes long.
func (s *Service) Run(ctx context.Context, l *loop.Loop) {
	builds := &loop.Loop{
		Name: l.Name + "-builds", Interval: min(cmp.Or(s.BuildsInterval, l.Interval), l.Interval), Clock: l.Clock, Passes: l.Passes, Log: l.Log, Metrics: l.Metrics,
	}
	s.interval = l.Interval
	var both sync.WaitGroup
	both.Go(func() { builds.Run(ctx, s.Sync.RunningBuilds) })
	both.Go(func() { l.Run(ctx, s.pass) })
	both.Wait()
}

// pass asks for everything but running builds.
func (s *Service) pass(ctx context.Context) error {
	only := s.only()
	collections, err := s.DB.Collections(ctx)
	if err != nil {
		return err
	}
	if only != nil {
		collections = slices.DeleteFunc(collections, func(c koschei.Collection) bool { return !slices.Contains(only, c.ID) })
	}
	slices.SortStableFunc(collections, kojisync.ByTag)
	// A hub that is silent keeps only those waiting that are read from it.
	var primary, secondary []koschei.Collection
	for _, c := range collections {
		if c.SourceHub() == koschei.Primary {
			primary = append(primary, c)
		} else {
			secondary = append(secondary, c)
		}
	}
	var both sync.WaitGroup
	var ofPrimary, ofSecondary error
	both.Go(func() { ofPrimary = s.hub(ctx, primary) })
	both.Go(func() { ofSecondary = s.hub(ctx, secondary) })
	both.Wait()
	return errors.Join(ofPrimary, ofSecondary)
}

// hub polls collections that are all read from one hub.
func (s *Service) hub(ctx context.Context, collections []koschei.Collection) error {
	round := s.Sync.NewRound(s.FullInterval)
	var troubles []error
	for i := range collections {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := s.collection(ctx, round, &collections[i])
		if err != nil {
			troubles = append(troubles, fmt.Errorf("collection %s: %w", collections[i].Name, err))
		}
		troubles = append(troubles, kojisync.Note(ctx, s.DB, &collections[i], koschei.ServicePolling, err, s.Sync.Now()))
	}
	return errors.Join(troubles...)
}

// only returns the collections that a pass was woken for, nil if it is to poll
// all of them. However often the service is woken for some, the others have
// their turn.
func (s *Service) only() []int64 {
	now := s.Sync.Now()
	if s.Rung != nil {
		ids, all := s.Rung()
		if !all && len(ids) > 0 && now.Sub(s.polled) < s.interval*9/10 { // loops jitter
			return ids
		}
	}
	s.polled = now
	return nil
}

// collection does each of its steps whatever became of the others.
func (s *Service) collection(ctx context.Context, round *kojisync.Round, c *koschei.Collection) error {
	return errors.Join(
		round.Destination(ctx, c),
		s.Sync.RepoStates(ctx, c),
		s.sourceFacts(ctx, c),
	)
}

// sourceFacts looks at the sources of builds that are new, and at all of them
// when everything is asked for. A build's id is
// given out before others can see the build: those since the look before the last
// count as new.
func (s *Service) sourceFacts(ctx context.Context, c *koschei.Collection) error {
	newest, err := s.DB.Sources.NewestBuild(ctx)
	if err != nil {
		return err
	}
	last, now := s.takeFacts(c.ID), s.Sync.Now()
	next := factsLook{newest: newest, before: last.newest, all: last.all}
	if now.Sub(last.all) >= cmp.Or(s.FullInterval, kojisync.DefaultFull) {
		last.before, next.all = 0, now
	}
	err = s.Sync.SourceFactsAfter(ctx, c, last.before)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.facts[c.ID] = next
	}
	return err
}

// takeFacts returns the last look of a collection, and forgets it unless all goes
// well with the next.
func (s *Service) takeFacts(collection int64) factsLook {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.facts == nil {
		s.facts = map[int64]factsLook{}
	}
	last := s.facts[collection]
	delete(s.facts, collection)
	return last
}
