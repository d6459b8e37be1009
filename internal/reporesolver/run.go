package reporesolver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A run resolves packages of one collection in one repo.
type run struct {
	service    *Service
	memory     *memory        // of the collection
	hub        *koji.Client   // that the repo is at
	db         *record.Fenced // under the collection's lease
	collection *koschei.Collection
	report     record.RepoReport

	needs    map[int64]record.Needs // of the packages to resolve, by Candidate.SRPMID
	repo     *resolution.Repo
	resolver *resolution.Resolver

	difference *resolution.Difference // to the repo before; nil if that is not known
	reach      *resolution.Reach      // of it; belongs to who resolves
	earlierURL string                 // of the repo before; "" if it is not known, or not looked at
	causes     map[unmetKey]depset.UnmetCause
	// Versions of sources in the repo before and in this one; nil while nobody asked.
	beforehand, after map[string]string

	mu    sync.Mutex           // for names, memory.baselines, and the lists of report
	names map[int32]*rpm.NEVRA // of packages that changed
}

func (s *Service) newRun(m *memory, hub *koji.Client, db *record.Fenced, c *koschei.Collection, repo koschei.Repo) *run {
	return &run{
		service: s, memory: m, hub: hub, db: db, collection: c,
		report: record.RepoReport{Repo: repo},
		names:  map[int32]*rpm.NEVRA{}, causes: map[unmetKey]depset.UnmetCause{},
	}
}

// all resolves everything in a new repo.
func (r *run) all(ctx context.Context) error {
	began := time.Now()
	before := r.before(ctx)
	candidates, err := r.begin(ctx)
	if err != nil {
		return err
	}
	base, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	r.noteLeftOut(ctx)
	if before != nil {
		r.difference = r.repo.Contents.Since(before)
		r.reach = r.difference.Reach()
		r.earlierURL = r.urlOf(r.collection.LatestRepoID)
	}
	repo := &r.report.Repo
	if repo.Problems = base.Problems; base.Resolved() {
		repo.Resolved = koschei.Resolved
		if err := r.packages(ctx, candidates); err != nil {
			return err
		}
		r.keepBaselines(candidates)
	} else {
		repo.Resolved = koschei.Unresolved
	}
	if r.difference != nil {
		if err := r.stored(r.compare(ctx)); err != nil {
			return err
		}
	}
	repo.Solved = r.service.Now()
	if err := r.stored(r.db.StoreRepo(ctx, &r.report)); err != nil {
		return err
	}
	if err := r.db.CountStates(ctx, r.collection.ID, schema.Ranking{Rules: r.service.Rules, Now: repo.Solved}); err != nil {
		return err
	}
	r.memory.seen = snapshot{repo.RepoID, r.repo.Contents}
	r.service.Log.InfoContext(ctx, "repo resolved", "collection", r.collection.Name, "repo", repo.RepoID,
		"buildroot", string(repo.Resolved), "packages", repo.Packages, "failed", repo.PackagesFailed,
		"changed", repo.PackagesChanged, "took", time.Since(began))
	return nil
}

// noteLeftOut puts into the report, and logs, what the repo's metadata say that
// nobody can read.
func (r *run) noteLeftOut(ctx context.Context) {
	repo := &r.report.Repo
	if repo.LeftOut = len(r.repo.LeftOut); repo.LeftOut == 0 {
		return
	}
	const longest, logged = 500, 3 // a sentence has what the metadata say in it
	for _, text := range r.repo.LeftOut[:min(repo.LeftOut, koschei.LeftOutShown)] {
		text = strings.ReplaceAll(strings.ToValidUTF8(text[:min(len(text), longest)], ""), "\x00", "")
		repo.LeftOutFirst = append(repo.LeftOutFirst, text)
	}
	r.service.Log.WarnContext(ctx, "metadata that cannot be read is left out", "collection", r.collection.Name, "repo", repo.RepoID,
		"count", repo.LeftOut, "about", strings.Join(repo.LeftOutFirst[:min(len(repo.LeftOutFirst), logged)], "; "))
}

// due resolves what does not wait for a new repo.
func (r *run) due(ctx context.Context) error {
	candidates, err := r.candidates(ctx, true)
	if err != nil {
		return err
	}
	base, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	if !base.Resolved() {
		return errors.New("the base buildroot that was installable in this repo is not any more")
	}
	if err := r.packages(ctx, candidates); err != nil {
		return err
	}
	r.memory.seen = snapshot{r.report.Repo.RepoID, r.repo.Contents}
	return nil
}

// begin reads all packages, and the repo meanwhile: the files that they require
// and others do not are looked for later, and seldom there are any.
func (r *run) begin(ctx context.Context) (candidates []depset.Candidate, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.load(ctx, nil) })
	group.Go(func() error {
		var err error
		candidates, err = r.candidates(ctx, false)
		return err
	})
	return candidates, group.Wait()
}

func (r *run) load(ctx context.Context, paths []string) (err error) {
	if r.repo, err = r.service.Repos.Open(ctx, r.urlOf(r.report.Repo.RepoID), paths); err != nil {
		return fmt.Errorf("reading repo %d: %w", r.report.Repo.RepoID, err)
	}
	return nil
}

// open loads the repo and tries the base buildroot.
func (r *run) open(ctx context.Context) (base resolution.Answer, err error) {
	if err := r.load(ctx, r.paths()); err != nil {
		return base, err
	}
	group, err := r.repo.Group(r.collection.BuildGroup, func() ([]string, error) {
		return r.hub.BuildGroup(ctx, r.collection.BuildTag, r.collection.BuildGroup, r.report.Repo.CreateEvent)
	})
	if errors.Is(err, koschei.ErrNotFound) {
		return resolution.Answer{Problems: []string{
			fmt.Sprintf("tag %s has no group %s", r.collection.BuildTag, r.collection.BuildGroup),
		}}, nil
	}
	if err != nil {
		return base, fmt.Errorf("group %s of tag %s: %w", r.collection.BuildGroup, r.collection.BuildTag, err)
	}
	r.resolver = r.repo.Resolver(resolution.Options{
		Group: group, WeakDeps: r.collection.WeakDeps, Lenient: r.collection.Lenient, Goroutines: r.service.Goroutines,
	})
	return r.resolver.Base(), nil
}

// urlOf is where a repo of the collection's build tag is.
func (r *run) urlOf(repoID int64) string {
	return r.hub.RepoURL(r.collection.BuildTag, repoID, r.service.Repos.Arch)
}

func (r *run) close() {
	if r.resolver != nil {
		r.resolver.Done()
	}
}

// stored passes on how storing went. If packages of the repo, or of the one
// before, have been forgotten meanwhile, both must be loaded anew.
func (r *run) stored(err error) error {
	if errors.Is(err, koschei.ErrConflict) {
		r.service.Repos.Forget()
		r.memory.seen = snapshot{}
	}
	return err
}

// before returns what the collection's latest repo had, nil if that cannot be
// known any more.
func (r *run) before(ctx context.Context) *resolution.Contents {
	latest := r.collection.LatestRepoID
	if latest == 0 {
		return nil
	}
	if r.memory.seen.repoID == latest {
		return r.memory.seen.contents
	}
	repo, err := r.service.Repos.Open(ctx, r.urlOf(latest), nil)
	if err != nil {
		r.service.Log.InfoContext(ctx, "the latest repo is gone, changes since are not known",
			"collection", r.collection.Name, "repo", latest, "error", err)
		return nil
	}
	return repo.Contents
}

// compare notes what the repo has otherwise than the one before.
func (r *run) compare(ctx context.Context) error {
	names, err := r.learn(ctx, r.difference.IDs)
	if err != nil {
		return err
	}
	r.report.Changes = r.difference.Changes(names, r.reach)
	return nil
}

// learn returns what packages are by their numbers.
func (r *run) learn(ctx context.Context, ids []int32) (map[int32]*rpm.NEVRA, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := make(map[int32]*rpm.NEVRA)
	var unknown []int32
	for _, id := range ids {
		if _, seen := asked[id]; seen {
			continue
		}
		if asked[id] = r.names[id]; asked[id] == nil {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return asked, nil
	}
	names, err := r.db.Sets.NEVRAs(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for _, id := range unknown {
		if names[id] == nil {
			return nil, fmt.Errorf("package number %d is not interned any more: %w", id, koschei.ErrConflict)
		}
		r.names[id], asked[id] = names[id], names[id]
	}
	return asked, nil
}
