package buildresolver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/resolution"
)

// errWaits is the error of builds that wait for their repo to be made again.
var errWaits = errors.New("the repo is being made again")

// look resolves what builds of a collection were made with in one repo. It
// reports whether the repo's files were needed.
func (s *Service) look(ctx context.Context, c *koschei.Collection, repoID int64) (used bool, err error) {
	hub, err := s.Hubs.Source(c)
	if err != nil {
		return false, err
	}
	repo, err := hub.RepoInfo(ctx, repoID)
	gone := errors.Is(err, koschei.ErrNotFound)
	if err != nil && !gone {
		return false, fmt.Errorf("asking for repo %d: %w", repoID, err)
	}
	if !gone && repo.State == koji.RepoInit {
		return false, nil // it is being made
	}
	if !gone && !repo.State.Usable() {
		f, err := s.again(ctx, hub, c, repo)
		if err != nil {
			return false, err
		}
		if f.waits {
			return false, errWaits
		}
		if f.repo != nil {
			repo = f.repo
		}
	}
	used = !gone && repo.State.Usable()
	err = s.DB.Alone(ctx, fmt.Sprintf("%s/%d/%d", name, c.ID, repoID), s.Holder,
		func(ctx context.Context, db *record.Fenced) error {
			builds, err := db.PendingBuilds(ctx, c.ID, repoID)
			switch {
			case err != nil:
				return err
			case used:
				return s.resolve(ctx, hub, db, c, repo, builds)
			}
			s.Log.InfoContext(ctx, "the repo of builds is gone", "collection", c.Name, "repo", repoID, "builds", len(builds))
			return db.SaveBuildsUnavailable(ctx, idsOf(builds))
		})
	return used, err
}

func idsOf(builds []record.PendingBuild) []int64 {
	ids := make([]int64, len(builds))
	for i, b := range builds {
		ids[i] = b.BuildID
	}
	return ids
}

func needsOf(builds []record.PendingBuild) [][]string {
	needs := make([][]string, 0, 2*len(builds))
	for i := range builds {
		needs = append(needs, builds[i].BuildRequires, builds[i].BuildConflicts)
	}
	return needs
}

// resolve resolves builds in a repo whose files are there. Those whose source
// package is not known yet are left for a later pass.
func (s *Service) resolve(ctx context.Context, hub *koji.Client, db *record.Fenced,
	c *koschei.Collection, repo *koji.Repo, builds []record.PendingBuild,
) error {
	builds = slices.DeleteFunc(builds, func(b record.PendingBuild) bool { return !b.SRPMKnown })
	if len(builds) == 0 {
		return nil
	}
	url := hub.RepoURL(repo.Tag, repo.ID, s.Repos.Arch)
	loaded, err := s.Repos.Open(ctx, url, resolution.Paths(needsOf(builds)))
	if err != nil {
		return fmt.Errorf("reading repo %d: %w", repo.ID, err)
	}
	group, err := loaded.Group(c.BuildGroup, func() ([]string, error) {
		return hub.BuildGroup(ctx, repo.Tag, c.BuildGroup, repo.Event)
	})
	if errors.Is(err, koschei.ErrNotFound) {
		return db.SaveBuildsUnresolved(ctx, idsOf(builds), s.Rules.UnresolvedLast)
	}
	if err != nil {
		return fmt.Errorf("group %s of tag %s: %w", c.BuildGroup, repo.Tag, err)
	}
	resolver := loaded.Resolver(resolution.Options{
		Group: group, WeakDeps: c.WeakDeps, Lenient: c.Lenient, Goroutines: s.Goroutines,
	})
	defer resolver.Done()
	for some := range slices.Chunk(builds, batch) {
		err := s.store(ctx, db, resolver, some)
		if errors.Is(err, koschei.ErrConflict) {
			s.Repos.Forget()
		}
		if err != nil {
			return err
		}
	}
	s.Log.InfoContext(ctx, "builds resolved", "collection", c.Name, "repo", repo.ID, "builds", len(builds))
	return nil
}

// batch is how many builds are resolved and stored together: their packages
// are locked while they are stored.
const batch = 500

func (s *Service) store(ctx context.Context, db *record.Fenced, resolver *resolution.Resolver, builds []record.PendingBuild) error {
	goals := make([]resolution.Goal, len(builds))
	for i := range builds {
		goals[i].Requires, goals[i].Conflicts = builds[i].BuildRequires, builds[i].BuildConflicts
	}
	answers, err := resolver.Resolve(ctx, goals)
	if err != nil {
		return err
	}
	earlier, err := s.earlier(ctx, db, builds, answers)
	if err != nil {
		return err
	}
	var resolved []built.BuildDependencies
	var unresolved []int64
	for i, a := range answers {
		if a.Resolved() {
			resolved = append(resolved, built.BuildDependencies{
				BuildID: builds[i].BuildID, Set: a.Set, Via: via(resolver, goals[i], earlier[i], a.Set),
			})
		} else {
			unresolved = append(unresolved, builds[i].BuildID)
		}
	}
	if _, err := db.SaveBuildDependencies(ctx, resolved); err != nil {
		return err
	}
	if len(unresolved) == 0 {
		return nil
	}
	return db.SaveBuildsUnresolved(ctx, unresolved, s.Rules.UnresolvedLast)
}

// earlier returns, in the order of builds, what the build before each was made
// with; nil where that is not known.
func (s *Service) earlier(ctx context.Context, db *record.Fenced, builds []record.PendingBuild, answers []resolution.Answer) ([]depset.Set, error) {
	stored, err := db.Sets.SetsBefore(ctx, idsOf(builds))
	if err != nil {
		return nil, err
	}
	sets := make([]depset.Set, len(builds))
	var last depset.Set // of the package, among these builds
	for i := range builds {
		if i == 0 || builds[i-1].Name != builds[i].Name {
			last = nil
		}
		if sets[i] = last; last == nil {
			sets[i] = stored[builds[i].BuildID]
		}
		if answers[i].Resolved() {
			last = answers[i].Set
		}
	}
	return sets, nil
}

// via says how what changed since the build before came into a buildroot.
func via(resolver *resolution.Resolver, goal resolution.Goal, before, set depset.Set) depset.Via {
	if before == nil {
		return nil
	}
	_, come := depset.Diff(before, set)
	numbers := make([]int32, len(come))
	for i, m := range come {
		numbers[i] = m.ID
	}
	return resolver.Chains(goal, numbers)
}
