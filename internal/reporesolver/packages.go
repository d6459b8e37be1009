package reporesolver

import (
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/schema"
)

// batch is how many packages are resolved, compared and stored together: they
// are locked while they are stored, and their sets are in memory.
const batch = 1000

// candidates returns the packages to resolve, all or only those that are due,
// as far as it is known what they require.
func (r *run) candidates(ctx context.Context, dueOnly bool) ([]depset.Candidate, error) {
	candidates, err := r.db.Candidates(ctx, r.collection.ID, dueOnly)
	if err != nil {
		return nil, err
	}
	candidates = slices.DeleteFunc(candidates, func(c depset.Candidate) bool {
		if c.SRPMID == 0 {
			r.report.Unanswered = append(r.report.Unanswered, c.PackageID)
		}
		return c.SRPMID == 0
	})
	r.needs, err = r.needsOf(ctx, candidates)
	if err == nil && !dueOnly {
		r.service.needsMu.Lock()
		r.service.lastNeeds[r.collection.ID] = r.needs
		r.service.needsMu.Unlock()
	}
	return candidates, err
}

// needsOf returns what source packages need, by the ids of their facts. Once they
// are whole they never change, and most were there when a repo was resolved last.
func (r *run) needsOf(ctx context.Context, candidates []depset.Candidate) (map[int64]record.Needs, error) {
	r.service.needsMu.Lock()
	all := slices.Collect(maps.Values(r.service.lastNeeds))
	r.service.needsMu.Unlock()
	known := make(map[int64]record.Needs, len(candidates))
	var unknown []int64
	for i := range candidates {
		id := candidates[i].SRPMID
		for _, last := range all {
			if known[id] = last[id]; known[id].Whole {
				break
			}
		}
		if !known[id].Whole {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return known, nil
	}
	news, err := r.db.Sources.Needs(ctx, unknown)
	maps.Copy(known, news)
	return known, err
}

// paths are the files that the packages name, as a repo is opened with them.
func (r *run) paths() []string {
	needs := make([][]string, 0, 2*len(r.needs))
	for _, n := range r.needs {
		needs = append(needs, n.BuildRequires, n.BuildConflicts)
	}
	return resolution.Paths(needs)
}

// storers is how many batches are weighed and stored at a time, while the next
// is resolved. A second one has the database busy while the first waits for it.
const storers = 2

// packages resolves packages and stores what is news.
func (r *run) packages(ctx context.Context, candidates []depset.Candidate) error {
	judged := make(chan []depset.Verdict)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(judged)
		return r.judgeAll(ctx, candidates, judged)
	})
	for range storers {
		group.Go(func() error {
			for verdicts := range judged {
				if err := r.weigh(ctx, verdicts); err != nil {
					return err
				}
				if err := r.store(ctx, verdicts); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return r.stored(group.Wait())
}

func (r *run) judgeAll(ctx context.Context, candidates []depset.Candidate, judged chan<- []depset.Verdict) error {
	for some := range slices.Chunk(candidates, batch) {
		verdicts, err := r.judge(ctx, some)
		if err != nil {
			return err
		}
		select {
		case judged <- verdicts:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// judge resolves packages and returns the verdicts that are news.
func (r *run) judge(ctx context.Context, candidates []depset.Candidate) ([]depset.Verdict, error) {
	goals := make([]resolution.Goal, len(candidates))
	for i := range candidates {
		c := &candidates[i]
		n := r.needs[c.SRPMID]
		goals[i].Requires, goals[i].Conflicts = n.BuildRequires, n.BuildConflicts
		// What was stored of this repo before somebody died is looked at again, for whom
		// the updates reached.
		if !c.Due && c.Resolution == koschei.Resolved && c.RepoID != r.report.Repo.RepoID {
			goals[i].Known = c.SetHash
		}
	}
	r.service.solving.Lock()
	answers, err := r.resolver.Resolve(ctx, goals)
	r.service.solving.Unlock()
	if err != nil {
		return nil, err
	}
	var verdicts []depset.Verdict
	for i := range candidates {
		c, a := &candidates[i], &answers[i]
		r.report.Repo.Packages++
		if !a.Resolved() {
			r.report.Repo.PackagesFailed++
		}
		answered := a.Differs(c)
		if a.Set != nil && r.reach != nil {
			r.reach.Add(int32(c.PackageID), a.Set)
		}
		if answered {
			r.report.Repo.PackagesChanged++
		}
		if answered || c.Due {
			unmet := slices.Clone(a.Unmet) // which several packages may share
			r.explain(ctx, unmet)
			verdicts = append(verdicts, depset.Verdict{Candidate: c, Answered: answered, Set: a.Set, Hash: a.Hash, Problems: a.Problems, Unmet: unmet})
		}
	}
	return verdicts, nil
}

// weigh finds how much has changed for the packages since their last builds.
func (r *run) weigh(ctx context.Context, verdicts []depset.Verdict) error {
	var ids []int64
	for i := range verdicts {
		if b := baseline(&verdicts[i]); b != 0 {
			ids = append(ids, b)
		}
	}
	baselines, err := r.sets(ctx, ids)
	if err != nil {
		return err
	}
	gone, come := make([]depset.Set, len(verdicts)), make([]depset.Set, len(verdicts))
	var changed []int32
	for i := range verdicts {
		if b := baseline(&verdicts[i]); b != 0 {
			gone[i], come[i] = depset.Diff(baselines[b], verdicts[i].Set)
			changed = appendIDs(appendIDs(changed, gone[i]), come[i])
		}
	}
	names, err := r.learn(ctx, changed)
	if err != nil {
		return err
	}
	for i := range verdicts {
		v := &verdicts[i]
		switch {
		case baseline(v) != 0:
			v.Priority = r.service.Rules.Dependency(resolution.Distances(gone[i], come[i], names))
		case v.Candidate.Awaited:
			v.Priority = v.Candidate.Priority
		}
	}
	return nil
}

func appendIDs(ids []int32, set depset.Set) []int32 {
	for _, m := range set {
		ids = append(ids, m.ID)
	}
	return ids
}

// sets returns stored sets. Their contents are kept for the next repo: sets never
// change, and in one that changes all packages reading them took as long as
// storing the verdicts.
func (r *run) sets(ctx context.Context, ids []int64) (map[int64]depset.Set, error) {
	r.mu.Lock()
	unknown := slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return r.memory.baselines[id] != nil })
	r.mu.Unlock()
	news, err := r.db.Sets.SetContents(ctx, unknown)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	maps.Copy(r.memory.baselines, news)
	contents := make(map[int64]schema.SetContent, len(ids))
	for _, id := range ids {
		contents[id] = r.memory.baselines[id]
	}
	r.mu.Unlock()
	return r.db.Sets.DecodeSets(contents)
}

// keepBaselines leaves the sets that changes are counted from to the
// collection's next run.
func (r *run) keepBaselines(candidates []depset.Candidate) {
	counted := make(map[int64]bool, len(candidates))
	for i := range candidates {
		counted[candidates[i].SetID] = true
	}
	maps.DeleteFunc(r.memory.baselines, func(id int64, _ schema.SetContent) bool { return !counted[id] })
}

// baseline is the set that the changes of a verdict are counted from, 0 if
// there is nothing to count.
func baseline(v *depset.Verdict) int64 {
	if v.Resolution() != koschei.Resolved {
		return 0
	}
	return v.Candidate.SetID
}

func (r *run) store(ctx context.Context, verdicts []depset.Verdict) error {
	if len(verdicts) == 0 {
		return nil
	}
	stale, err := r.db.StoreVerdicts(ctx, &r.report.Repo, verdicts, r.service.Now())
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Unanswered = append(r.report.Unanswered, stale...)
	return nil
}
