package reporesolver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// look looks after one collection.
func (s *Service) look(ctx context.Context, c *koschei.Collection) error {
	newest, err := s.Koji.Repo(ctx, c.BuildTag)
	if err != nil && !errors.Is(err, koschei.ErrNotFound) {
		return fmt.Errorf("looking for a repo of tag %s: %w", c.BuildTag, err)
	}
	if newest == nil && c.LatestRepoID == 0 {
		return fmt.Errorf("tag %s: %w", c.BuildTag, kojisync.ErrNoRepo)
	}
	if newest != nil {
		repo := repoOf(c, newest)
		if err := s.DB.NoteRepo(ctx, &repo); err != nil {
			return err
		}
	}
	if newest != nil && isNewer(newest, c) {
		return s.alone(ctx, c, func(ctx context.Context, db *postgres.DB, c *koschei.Collection) error {
			if !isNewer(newest, c) {
				return nil // somebody else was faster
			}
			return s.newRun(db, c, repoOf(c, newest)).all(ctx)
		})
	}
	if c.LatestRepoResolved != koschei.Resolved {
		return nil
	}
	due, err := s.DB.Candidates(ctx, c.ID, true)
	if err != nil || !slices.ContainsFunc(due, func(c postgres.Candidate) bool { return c.SRPMKnown }) {
		return err
	}
	return s.alone(ctx, c, func(ctx context.Context, db *postgres.DB, c *koschei.Collection) error {
		return s.newRun(db, c, latestRepo(c)).due(ctx)
	})
}

// isNewer goes by events: a repo can be made of the past.
func isNewer(r *koji.Repo, c *koschei.Collection) bool {
	return c.LatestRepoID == 0 || r.Event > c.LatestRepoEvent
}

// alone runs work on the collection as it is now, while nobody else does.
func (s *Service) alone(ctx context.Context, c *koschei.Collection,
	work func(context.Context, *postgres.DB, *koschei.Collection) error,
) error {
	name := fmt.Sprintf("repo-resolver/%d", c.ID)
	return s.DB.Alone(ctx, name, s.Holder, func(ctx context.Context, db *postgres.DB) error {
		now, err := db.Collection(ctx, c.Name)
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
