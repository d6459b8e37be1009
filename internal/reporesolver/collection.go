package reporesolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
)

// look looks after one collection.
func (s *Service) look(ctx context.Context, c *koschei.Collection, m *memory) error {
	hub, err := s.Hubs.Source(c)
	if err != nil {
		return err
	}
	// A repo that is in trouble on its way to the primary hub keeps nothing of
	// what can be done without it from being done.
	newest, trouble := s.newest(ctx, hub, c)
	if newest == nil {
		return errors.Join(trouble, s.lookForDue(ctx, hub, c, m), s.request(ctx, hub, c, m))
	}
	m.moved = time.Time{}
	return errors.Join(trouble, s.alone(ctx, c, func(ctx context.Context, db *record.Fenced, c *koschei.Collection) error {
		if !isNewer(newest, c) {
			return nil // somebody else was faster
		}
		return s.newRun(m, hub, db, c, repoOf(c, newest)).all(ctx)
	}))
}

// newest returns the newest repo that builds can be made in, nil if that is no
// newer than the one last resolved.
func (s *Service) newest(ctx context.Context, hub *koji.Client, c *koschei.Collection) (*koji.Repo, error) {
	newest, err := hub.Repo(ctx, c.BuildTag)
	if err == nil && newest.Event < c.LatestRepoEvent {
		// A repo of the past that was asked for again (package buildresolver) is
		// the one made last, and hides the newest. Hubs that are too old for the
		// question do not make such.
		if visible, err := hub.RepoSince(ctx, c.BuildTag, c.LatestRepoEvent); err == nil {
			newest = visible
		}
	}
	switch {
	case errors.Is(err, koschei.ErrNotFound) && c.LatestRepoID == 0:
		return nil, fmt.Errorf("tag %s: %w", c.BuildTag, kojisync.ErrNoRepo)
	case errors.Is(err, koschei.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking for a repo of tag %s: %w", c.BuildTag, err)
	}
	repo := repoOf(c, newest)
	if err := s.DB.NoteRepo(ctx, &repo); err != nil {
		return nil, err
	}
	if !isNewer(newest, c) {
		return nil, nil
	}
	if !c.SecondaryMode {
		return newest, nil
	}
	newest, err = s.Mirror.Newest(ctx, s.DB, c, newest)
	if newest != nil && !isNewer(newest, c) {
		newest = nil
	}
	return newest, err
}

// lookForDue resolves packages that need not wait for a new repo.
func (s *Service) lookForDue(ctx context.Context, hub *koji.Client, c *koschei.Collection, m *memory) error {
	if c.LatestRepoResolved != koschei.Resolved {
		return nil
	}
	due, err := s.DB.Candidates(ctx, c.ID, true)
	if err != nil || !slices.ContainsFunc(due, func(c depset.Candidate) bool { return c.SRPMID != 0 }) {
		return err
	}
	return s.alone(ctx, c, func(ctx context.Context, db *record.Fenced, c *koschei.Collection) error {
		return s.newRun(m, hub, db, c, latestRepo(c)).due(ctx)
	})
}

// isNewer goes by events: a repo can be made of the past.
func isNewer(r *koji.Repo, c *koschei.Collection) bool {
	return c.LatestRepoID == 0 || r.Event > c.LatestRepoEvent
}

// alone runs work on the collection as it is now, while nobody else does.
func (s *Service) alone(ctx context.Context, c *koschei.Collection,
	work func(context.Context, *record.Fenced, *koschei.Collection) error,
) error {
	return s.DB.Alone(ctx, postgres.RepoResolverLease(c.ID), s.Holder, func(ctx context.Context, db *record.Fenced) error {
		now, err := db.CollectionByID(ctx, c.ID)
		if err != nil {
			return err
		}
		return work(ctx, db, now)
	})
}

func repoOf(c *koschei.Collection, r *koji.Repo) koschei.Repo {
	return koschei.Repo{
		CollectionID: c.ID,
		RepoID:       r.ID,
		CreateEvent:  r.Event,
		BeginEvent:   r.BeginEvent,
		EndEvent:     r.EndEvent,
		Created:      r.Created,
	}
}

func latestRepo(c *koschei.Collection) koschei.Repo {
	return koschei.Repo{CollectionID: c.ID, RepoID: c.LatestRepoID, CreateEvent: c.LatestRepoEvent}
}
