// Package buildresolver finds what each build was made with: scratch or real,
// running or ended, in exactly the repo it was made in. It is one of the services;
// only the program imports it.
//
// A pass takes the repos that builds are waiting for, the newest first, several at a
// time while they wait for a hub or for files. If the hub
// still has the files of a repo, the BuildRequires of each build are resolved in
// it. The set is stored for good, together with what changed since the build
// before. If the BuildRequires cannot be resolved, that is stored too; if it was
// the package's last build, its priority is raised.
//
// A repo that the hub has deleted is asked for again, as of its event, if a build
// that matters was made in it and the hub allows it. Otherwise nothing can be known
// of its builds any more.
//
// The order in which builds are resolved does not matter: the changes between two
// neighbours are computed when the later of them becomes known.
//
// The package does not compare builds with the newest repo; package reporesolver
// does.
package buildresolver

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/resolution"
)

// A Service resolves builds in their repos. Any number may run at once, in one
// process or several: a lease for each repo keeps them apart.
type Service struct {
	koschei.Clock // of domain time

	DB     *record.Record
	Hubs   koji.Hubs
	Repos  *resolution.Repos
	Log    *slog.Logger
	Holder postgres.Holder // of leases
	Rules  koschei.PriorityRules

	Goroutines int // solvers at work at once; 0 is one for each core

	// RemakeRepos is how old a deleted repo may be for it to be asked for again;
	// 0 is never.
	RemakeRepos time.Duration

	pace     time.Duration // real time after which pending builds are looked for again
	troubles map[place]trouble
	crew     loop.Crew[place]
	places   *loop.Places
}

// A place is where builds of a collection were made.
type place struct{ collectionID, repoID int64 }

// A trouble is a place whose builds could not be resolved.
type trouble struct {
	loop.Trouble
	waits bool // it is no trouble, there is nothing to do before Until
}

// Run resolves until ctx ends, in passes that l begins.
func (s *Service) Run(ctx context.Context, l *loop.Loop) {
	s.pace = l.Pace()
	l.Run(ctx, s.pass)
}

const (
	// loads is how many repos a pass reads: builds that come meanwhile are most
	// likely made in newer ones, which it then goes on with.
	loads = 10

	// atOnce is how many repos are looked at at a time. Most of them wait for a hub
	// or for files; one is worked with.
	atOnce = 8
)

// pass resolves builds of all collections. What goes wrong in one repo is
// logged and tried again later, and does not touch the others. Nor does one whose
// files hardly come: meanwhile those of others are looked at again.
func (s *Service) pass(ctx context.Context) error {
	if s.crew.AtOnce == 0 {
		s.crew.AtOnce, s.places = atOnce, loop.NewPlaces(1)
	}
	s.crew.Pace = s.pace
	var collections map[int64]*koschei.Collection
	err := s.crew.Pass(ctx, func(ctx context.Context) ([]loop.Errand[place], error) {
		pending, err := s.DB.PendingRepos(ctx)
		if err != nil {
			return nil, err
		}
		if collections, err = s.collections(ctx); err != nil {
			return nil, err
		}
		s.forget(pending)
		loaded := 0
		var errands []loop.Errand[place]
		for _, p := range pending {
			if c := collections[p.CollectionID]; c != nil { // else it came or went in this moment
				errands = append(errands, s.errand(c, p, &loaded))
			}
		}
		return errands, nil
	})
	if err != nil {
		return err
	}
	return s.report(ctx, collections)
}

// errand is to resolve the builds that wait for a repo, unless enough repos have
// been loaded, or it has to wait.
func (s *Service) errand(c *koschei.Collection, p record.PendingRepo, loaded *int) loop.Errand[place] {
	at := place{p.CollectionID, p.RepoID}
	var used bool
	var failures int // so far
	var err error
	return loop.Errand[place]{
		Key: at,
		Wanted: func() bool {
			t := s.troubles[at]
			failures = t.Failures
			return *loaded < loads && (!t.Rests(s.Now()) || t.Failures == 0 && !t.waits && p.Known != 0)
		},
		Do: func(ctx context.Context) {
			err = s.places.Work(ctx, func(ctx context.Context) (err error) {
				used, err = s.look(ctx, c, p.RepoID)
				return err
			})
			if ctx.Err() == nil {
				err = s.noteTrouble(ctx, c, at, failures+1, err)
			}
		},
		End: func() {
			if used && p.Known > 0 {
				*loaded++
			}
			s.remember(at, err)
			if err == nil && p.Known == 0 {
				s.troubles[at] = trouble{Trouble: loop.Trouble{Until: s.Now().Add(srpmRetry)}}
			}
		},
	}
}

// name is the service's in what is stored of how it fares with collections.
const name = koschei.ServiceBuildResolver

// report notes the collections that nothing troubles. One repo whose builds
// cannot be resolved is trouble with its collection, see note.
func (s *Service) report(ctx context.Context, collections map[int64]*koschei.Collection) error {
	troubled := map[int64]bool{}
	for at, t := range s.troubles {
		troubled[at.collectionID] = troubled[at.collectionID] || t.Failures > 0
	}
	for id, c := range collections {
		if troubled[id] {
			continue
		}
		if err := kojisync.Note(ctx, s.DB, c, name, nil, s.Now()); err != nil {
			return err
		}
	}
	return nil
}

// forget drops troubles with places that nothing waits for any more.
func (s *Service) forget(pending []record.PendingRepo) {
	left := map[place]trouble{}
	for _, p := range pending {
		at := place{p.CollectionID, p.RepoID}
		if t, ok := s.troubles[at]; ok {
			left[at] = t
		}
	}
	s.troubles = left
}

func (s *Service) collections(ctx context.Context) (map[int64]*koschei.Collection, error) {
	list, err := s.DB.Collections(ctx)
	if err != nil {
		return nil, err
	}
	byID := map[int64]*koschei.Collection{}
	for i := range list {
		byID[list[i].ID] = &list[i]
	}
	return byID, nil
}

const (
	srpmRetry = time.Hour        // of builds whose SRPMs are not known; domain time
	repoRetry = 30 * time.Second // of builds whose repo is being made again; domain time
)

// noteTrouble stores and logs that the builds of a repo could not be resolved, if
// that is what err says, and returns it with what was wrong with that.
func (s *Service) noteTrouble(ctx context.Context, c *koschei.Collection, at place, failures int, err error) error {
	if err == nil || errors.Is(err, koschei.ErrLeased) || errors.Is(err, errWaits) {
		return err
	}
	if noting := kojisync.Note(ctx, s.DB, c, name, err, s.Now()); noting != nil {
		err = errors.Join(err, noting)
	}
	s.Log.ErrorContext(ctx, "builds could not be resolved", "collection", c.Name, "repo", at.repoID, "failures", failures, "error", err)
	return err
}

// remember keeps how resolving the builds of a repo went.
func (s *Service) remember(at place, err error) {
	switch {
	case err == nil, errors.Is(err, koschei.ErrLeased):
		delete(s.troubles, at)
	case errors.Is(err, errWaits):
		s.troubles[at] = trouble{Trouble: loop.Trouble{Until: s.Now().Add(repoRetry)}, waits: true}
	default:
		s.troubles[at] = trouble{Trouble: s.troubles[at].Again(s.Now())}
	}
}
