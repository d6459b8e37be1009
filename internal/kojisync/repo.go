package kojisync

import (
	"context"
	"fmt"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
)

// recentRepos is how many of a collection's repos are asked about: older ones
// are expired or deleted, which does not change any more.
const recentRepos = 20

// RepoStates stores what became of a collection's newest repos: whether their
// files are there, and for which events they are exact.
func (s *Sync) RepoStates(ctx context.Context, c *koschei.Collection) error {
	_, hub, err := s.sourceHub(c)
	if err != nil {
		return err
	}
	ids, err := s.DB.Hub.RecentRepos(ctx, c.ID, recentRepos)
	if err != nil || len(ids) == 0 {
		return err
	}
	repos, err := hub.RepoInfos(ctx, ids)
	if err != nil {
		return fmt.Errorf("states of %d repos: %w", len(ids), err)
	}
	states := make([]koschei.Repo, len(ids))
	for i, r := range repos {
		states[i] = koschei.Repo{CollectionID: c.ID, RepoID: ids[i], State: koschei.RepoDeleted}
		if r != nil {
			states[i].State, states[i].BeginEvent, states[i].EndEvent = stateOfRepo(r.State), r.BeginEvent, r.EndEvent
		}
	}
	return s.DB.Hub.SaveRepoStates(ctx, states)
}

func stateOfRepo(s koji.RepoState) koschei.RepoState {
	switch s {
	case koji.RepoReady:
		return koschei.RepoReady
	case koji.RepoExpired:
		return koschei.RepoExpired
	case koji.RepoDeleted:
		return koschei.RepoDeleted
	}
	return koschei.RepoProblem
}
