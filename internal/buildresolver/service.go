// Package buildresolver finds what each build was made with: scratch or real,
// running or ended, in exactly the repo it was made in. It is one of the services;
// only the program imports it.
//
// A pass takes the repos that builds are waiting for, the newest first. If the hub
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

	troubles map[place]trouble
}

// A place is where builds of a collection were made.
type place struct{ collectionID, repoID int64 }

// A trouble is a place whose builds could not be resolved.
type trouble struct {
	loop.Trouble
	waits bool // it is no trouble, there is nothing to do before Until
}

// Run resolves until ctx ends, in passes that l begins.
func (s *Service) Run(ctx context.Context, l *loop.Loop) { l.Run(ctx, s.pass) }

// loads is how many repos a pass reads: builds that come meanwhile are most
// likely made in newer ones, which the next pass begins with.
const loads = 10

// pass resolves builds of all collections. What goes wrong in one repo is
// logged and tried again later, and does not touch the others.
func (s *Service) pass(ctx context.Context) error {
	pending, err := s.DB.PendingRepos(ctx)
	if err != nil {
		return err
	}
	collections, err := s.collections(ctx)
	if err != nil {
		return err
	}
	s.forget(pending)
	if err := s.resolvePending(ctx, collections, pending); err != nil {
		return err
	}
	return s.report(ctx, collections)
}

// resolvePending resolves the builds of the first repos that can be read.
func (s *Service) resolvePending(ctx context.Context, collections map[int64]*koschei.Collection, pending []record.PendingRepo) error {
	loaded := 0
	for _, p := range pending {
		at := place{p.CollectionID, p.RepoID}
		c := collections[p.CollectionID]
		t := s.troubles[at]
		wait := t.Rests(s.Now()) && (t.Failures > 0 || t.waits || p.Known == 0)
		if c == nil || wait { // no collection: it came or went in this moment
			continue
		}
		if loaded == loads {
			return nil
		}
		used, err := s.look(ctx, c, p.RepoID)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if used && p.Known > 0 {
			loaded++
		}
		s.note(ctx, c, at, err)
		if err == nil && p.Known == 0 {
			s.troubles[at] = trouble{Trouble: loop.Trouble{Until: s.Now().Add(srpmRetry)}}
		}
	}
	return nil
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

// note remembers how resolving the builds of a repo went.
func (s *Service) note(ctx context.Context, c *koschei.Collection, at place, err error) {
	if err == nil || errors.Is(err, koschei.ErrLeased) {
		delete(s.troubles, at)
		return
	}
	if errors.Is(err, errWaits) {
		s.troubles[at] = trouble{Trouble: loop.Trouble{Until: s.Now().Add(repoRetry)}, waits: true}
		return
	}
	if noting := kojisync.Note(ctx, s.DB, c, name, err, s.Now()); noting != nil {
		err = errors.Join(err, noting)
	}
	t := trouble{Trouble: s.troubles[at].Again(s.Now())}
	s.troubles[at] = t
	s.Log.ErrorContext(ctx, "builds could not be resolved", "collection", c.Name, "repo", at.repoID,
		"failures", t.Failures, "error", err)
}
