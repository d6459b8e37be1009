// Package reporesolver keeps what every package's buildroot would contain true
// to the newest repo of each collection. It is one of the services; nothing
// imports it but the program.
//
// A pass looks at each collection apart from the others. When the build tag has
// a newer repo, the base buildroot is tried in it first. If that cannot be
// installed, this is stored with the reasons, and packages keep the last
// verdict they had. Otherwise all packages are resolved, what differs from the
// record is written, and the repo becomes the collection's latest. Without a
// newer repo, packages are resolved in the latest one that are due: new ones,
// and those whose last complete build, or what is known of it, has changed
// since.
//
// A verdict counts changes since the newest build that ended and has a known
// dependency set. A build that is still running changes nothing about it.
//
// Of a collection in secondary mode the repos are those of the secondary hub, and
// one is new only when the primary hub has it too; package mirror sees to that.
//
// What it does not do: it schedules nothing, and it does not say what a build
// was made with; packages scheduler and buildresolver do.
package reporesolver

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/mirror"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/resolution"
)

// A Service resolves packages in repos. Any number may run at once, in one
// process or several: a lease for each collection keeps them apart.
type Service struct {
	DB     *postgres.DB
	Koji   *koji.Client // the primary hub
	Repos  *resolution.Repos
	Log    *slog.Logger
	Now    func() time.Time // domain time
	Holder string           // of leases; different for each process
	Rules  koschei.PriorityRules

	Goroutines int // solvers at work at once; 0 is one for each core

	// For collections in secondary mode; nil if there are none.
	Secondary *koji.Client
	Mirror    *mirror.Mirror

	troubles map[int64]trouble            // by collection
	seen     map[int64]snapshot           // by collection
	requires map[int64]map[int64][]string // of the packages last resolved all, by collection and Candidate.SRPMID

	// Sets that changes are counted from, by collection and Baseline.SetID.
	baselines map[int64]map[int64]postgres.SetContent
}

// A trouble is a collection that could not be looked after, and until when it
// is left alone.
type trouble struct {
	failures int
	until    time.Time
}

// A snapshot is what the repo had that a collection was last resolved in.
type snapshot struct {
	repoID   int64
	contents *resolution.Contents
}

func (s *Service) hubs() koji.Hubs { return koji.Hubs{Primary: s.Koji, Secondary: s.Secondary} }

// Run resolves until ctx ends, in passes that l begins.
func (s *Service) Run(ctx context.Context, l *loop.Loop) { l.Run(ctx, s.pass) }

// pass looks after each collection. What goes wrong with one is logged and
// tried again later, and does not touch the others.
func (s *Service) pass(ctx context.Context) error {
	collections, err := s.DB.Collections(ctx)
	if err != nil {
		return err
	}
	if s.troubles == nil {
		s.troubles, s.seen, s.requires = map[int64]trouble{}, map[int64]snapshot{}, map[int64]map[int64][]string{}
		s.baselines = map[int64]map[int64]postgres.SetContent{}
	}
	for i := range collections {
		c := &collections[i]
		if s.Now().Before(s.troubles[c.ID].until) {
			continue
		}
		err := s.look(ctx, c)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.note(ctx, c, err)
	}
	return nil
}

const (
	firstRetry = 10 * time.Second // domain time, as all of these
	lastRetry  = time.Minute
)

// note remembers how looking after a collection went.
func (s *Service) note(ctx context.Context, c *koschei.Collection, err error) {
	if errors.Is(err, koschei.ErrLeased) {
		delete(s.troubles, c.ID)
		return // who has the lease will note how it went
	}
	if noting := kojisync.Note(ctx, s.DB, c, "repo-resolver", err, s.Now()); err == nil {
		err = noting
	}
	if err == nil {
		delete(s.troubles, c.ID)
		return
	}
	t := s.troubles[c.ID]
	s.troubles[c.ID] = trouble{
		failures: t.failures + 1,
		until:    s.Now().Add(min(firstRetry<<min(t.failures, 10), lastRetry)),
	}
	s.Log.ErrorContext(ctx, "collection could not be resolved", "collection", c.Name, "failures", t.failures+1, "error", err)
}
