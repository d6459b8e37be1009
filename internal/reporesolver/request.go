package reporesolver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
)

const (
	// requestAfter is how long a hub is given to make a repo by itself.
	requestAfter = 30 * time.Minute

	// lookEvery is how often it is looked whether a repo should be asked for.
	lookEvery = 10 * time.Minute

	// requestEvery is how often a hub is asked for a repo of one build tag.
	requestEvery = time.Hour

	// refusal is how long a hub is taken at its word that it does not let us.
	refusal = 24 * time.Hour

	byRequest = "repo.request" // what a hub may refuse, in the record
)

// request asks the hub for a repo if the build tag has changed since the newest
// one was made, or that is gone. Since 1.35 hubs make repos when a build asks,
// or for tags that are marked so, and builds that are pinned do not ask. The same
// request twice is one.
func (s *Service) request(ctx context.Context, hub *koji.Client, c *koschei.Collection, m *memory) error {
	now := s.Now()
	if now.Sub(m.looked) < lookEvery {
		return nil
	}
	m.looked = now
	moved, err := hasMoved(ctx, hub, c)
	if err != nil {
		return err
	}
	switch {
	case !moved:
		m.moved = time.Time{}
		return nil
	case m.moved.IsZero():
		m.moved = now
	}
	if now.Sub(m.moved) < requestAfter || now.Sub(m.requested) < requestEvery {
		return nil
	}
	m.requested = now
	err = s.DB.Alone(ctx, postgres.RepoResolverLease(c.ID), s.Holder, func(ctx context.Context, db *record.Fenced) error {
		refused, err := db.Hub.HubRefused(ctx, c.SourceHub(), byRequest)
		if err != nil || !refused.IsZero() && now.Sub(refused) <= refusal {
			return err
		}
		_, err = hub.RequestRepo(ctx, c.BuildTag, 0)
		if koji.Refused(err) {
			s.Log.InfoContext(ctx, "the hub does not let us ask for repos", "collection", c.Name, "error", err)
			return db.Hub.NoteHubRefusal(ctx, c.SourceHub(), byRequest, now)
		}
		if koji.ClassOf(err) == koji.Auth {
			s.Log.InfoContext(ctx, "the hub does not know us, so it is not asked for repos", "collection", c.Name, "error", err)
			return nil // repos are looked at all the same
		}
		if err == nil {
			s.Log.InfoContext(ctx, "a newer repo is asked for", "collection", c.Name, "tag", c.BuildTag)
		}
		return err
	})
	if errors.Is(err, koschei.ErrLeased) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking for a repo of tag %s: %w", c.BuildTag, err)
	}
	return nil
}

// hasMoved tells whether a collection's latest repo is not what its build tag
// holds, or gone.
func hasMoved(ctx context.Context, hub *koji.Client, c *koschei.Collection) (bool, error) {
	if c.LatestRepoID == 0 {
		return true, nil
	}
	latest, err := hub.RepoInfo(ctx, c.LatestRepoID)
	if errors.Is(err, koschei.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("asking for repo %d: %w", c.LatestRepoID, err)
	}
	if latest.EndEvent != 0 || !latest.State.Usable() {
		return true, nil
	}
	// Only hubs with kojira at work tell the end of a repo.
	lineage, err := hub.Lineage(ctx, c.BuildTag)
	if err != nil {
		return false, fmt.Errorf("build tag %s: %w", c.BuildTag, err)
	}
	return hub.TagsChanged(ctx, latest.Event, lineage.IDs)
}
