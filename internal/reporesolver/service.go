// Package reporesolver resolves every package in the newest repo of its collection.
// It is one of the services; only the program imports it.
//
// A pass works on each collection on its own, on two at a time; those that wait for
// a hub or for files do not count. If the build tag has
// a newer repo, the base buildroot is tried in it first. If it cannot be installed,
// the reasons are stored, and packages keep their last verdict. Otherwise all
// packages are resolved, what differs from the record is written, and the repo
// becomes the collection's latest. If there is no newer repo, packages that are due
// are resolved in the latest one: new ones, and those whose last complete build has
// changed, or what is known of it.
//
// A verdict counts changes since the newest ended build that has a known dependency
// set. A running build does not count.
//
// In secondary mode the repos are those of the secondary hub, and a repo is new only
// when the primary hub has it too; package mirror makes that happen.
//
// The package schedules nothing, and does not find what a build was made with;
// packages scheduler and buildresolver do.
package reporesolver

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/mirror"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A Service resolves packages in repos. Any number may run at once, in one
// process or several: a lease for each collection keeps them apart.
type Service struct {
	koschei.Clock // of domain time

	DB     *record.Record
	Hubs   koji.Hubs
	Repos  *resolution.Repos
	Log    *slog.Logger
	Holder postgres.Holder // of leases
	Rules  koschei.PriorityRules

	Goroutines int // solvers at work at once; 0 is one for each core

	Mirror *mirror.Mirror // for collections in secondary mode; nil if there are none

	pace     time.Duration     // real time after which collections are looked at again
	memories map[int64]*memory // by collection; the map belongs to the pass
	crew     loop.Crew[int64]
	places   *loop.Places

	// Two collections are solved in turn, a batch of packages each. At once, they
	// would push each other's rules out of the caches, for twice the time.
	solving sync.Mutex

	needsMu sync.Mutex
	// lastNeeds are those of the packages that were resolved when a collection was
	// last resolved in full, by collection and Candidate.SRPMID.
	lastNeeds map[int64]map[int64]record.Needs
}

// A memory is what is kept of a collection from pass to pass. It belongs to the
// goroutine that looks after the collection, and to the pass when there is none.
type memory struct {
	trouble   loop.Trouble // with looking after it
	seen      snapshot
	baselines map[int64]schema.SetContent // sets that changes are counted from, by Baseline.SetID

	moved     time.Time // when it was first seen that there should be another repo; zero if not
	looked    time.Time // when that was last looked at
	requested time.Time // when the hub was last asked for one
}

// A snapshot is what the repo had that a collection was last resolved in.
type snapshot struct {
	repoID   int64
	contents *resolution.Contents
}

// Run resolves until ctx ends, in passes that l begins.
func (s *Service) Run(ctx context.Context, l *loop.Loop) {
	s.pace = l.Pace()
	l.Run(ctx, s.pass)
}

const (
	// atOnce is how many collections are looked after at a time. Most of them wait
	// for a hub or for files.
	atOnce = 16

	// places is how many of these work. While the verdicts on the repo of one wait
	// for the database, another is solved.
	places = 2
)

// pass looks after each collection. What goes wrong with one is logged and
// tried again later, and does not touch the others. Nor does one that takes
// long, or whose files hardly come, keep a new repo of another waiting: meanwhile
// that is looked at again, and all have their turn.
func (s *Service) pass(ctx context.Context) error {
	if s.crew.AtOnce == 0 {
		s.crew.AtOnce, s.places = atOnce, loop.NewPlaces(places)
	}
	s.crew.Pace = s.pace
	first := true
	return s.crew.Pass(ctx, func(ctx context.Context) ([]loop.Errand[int64], error) {
		collections, err := s.DB.Collections(ctx)
		if err != nil {
			return nil, err
		}
		if first {
			s.forget(collections)
		}
		first = false
		errands := make([]loop.Errand[int64], len(collections))
		for i := range collections {
			errands[i] = s.errand(&collections[i])
		}
		return errands, nil
	})
}

// errand is to look after a collection, unless that has to wait.
func (s *Service) errand(c *koschei.Collection) loop.Errand[int64] {
	m := s.memory(c)
	return loop.Errand[int64]{
		Key:    c.ID,
		Wanted: func() bool { return !m.trouble.Rests(s.Now()) },
		Do: func(ctx context.Context) {
			err := s.places.Work(ctx, func(ctx context.Context) error { return s.look(ctx, c, m) })
			if ctx.Err() == nil {
				s.note(ctx, c, m, err)
			}
		},
	}
}

func (s *Service) memory(c *koschei.Collection) *memory {
	if s.memories == nil {
		s.memories, s.lastNeeds = map[int64]*memory{}, map[int64]map[int64]record.Needs{}
	}
	if s.memories[c.ID] == nil {
		s.memories[c.ID] = &memory{baselines: map[int64]schema.SetContent{}}
	}
	return s.memories[c.ID]
}

// forget drops what is kept of collections that are not there any more. None of
// them is being looked after.
func (s *Service) forget(collections []koschei.Collection) {
	gone := func(id int64) bool {
		return !slices.ContainsFunc(collections, func(c koschei.Collection) bool { return c.ID == id })
	}
	maps.DeleteFunc(s.memories, func(id int64, _ *memory) bool { return gone(id) })
	s.needsMu.Lock()
	defer s.needsMu.Unlock()
	maps.DeleteFunc(s.lastNeeds, func(id int64, _ map[int64]record.Needs) bool { return gone(id) })
}

// note remembers how looking after a collection went.
func (s *Service) note(ctx context.Context, c *koschei.Collection, m *memory, err error) {
	if errors.Is(err, koschei.ErrLeased) {
		m.trouble = loop.Trouble{}
		return // who has the lease will note how it went
	}
	if noting := kojisync.Note(ctx, s.DB, c, koschei.ServiceRepoResolver, err, s.Now()); err == nil {
		err = noting
	}
	if err == nil {
		m.trouble = loop.Trouble{}
		return
	}
	m.trouble = m.trouble.Again(s.Now())
	s.Log.ErrorContext(ctx, "collection could not be resolved", "collection", c.Name, "failures", m.trouble.Failures, "error", err)
}
