package reporesolver

import (
	"context"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/resolution"
)

// An unmetKey tells dependencies that are not met apart.
type unmetKey struct{ dependency, by string }

// explain adds to what nothing provides which update did that, as far as this repo
// and the one before prove it.
func (r *run) explain(ctx context.Context, unmet []depset.Unmet) {
	for i := range unmet {
		n := &unmet[i]
		key := unmetKey{n.Dependency, n.By.Name}
		cause, known := r.causes[key]
		if !known {
			cause = r.causeOf(ctx, n)
			r.causes[key] = cause
		}
		n.Cause = cause
	}
}

func (r *run) causeOf(ctx context.Context, n *depset.Unmet) depset.UnmetCause {
	before := r.earlier(ctx)
	if before == nil {
		return depset.UnmetCause{Why: depset.UnmetUnknown}
	}
	providers, err := before.Providers(n.Dependency)
	switch {
	case err != nil: // it is cut short, for example
		return depset.UnmetCause{Why: depset.UnmetUnknown}
	case len(providers) > 0:
		p := &providers[0]
		return depset.UnmetCause{
			Why: depset.UnmetGone, Source: p.Source.Name, Before: p.Source.Version,
			After: r.versions(&r.after, r.repo)[p.Source.Name], Provider: p.String(),
		}
	case n.By.Name == "" || has(before.Named(n.By.Name), n):
		return depset.UnmetCause{Why: depset.UnmetAbsent}
	}
	for _, p := range r.repo.Named(n.By.Name) {
		if p.NEVRA == n.By {
			return depset.UnmetCause{
				Why: depset.UnmetNew, Source: p.Source.Name, Before: r.versions(&r.beforehand, before)[p.Source.Name], After: p.Source.Version,
			}
		}
	}
	return depset.UnmetCause{Why: depset.UnmetUnknown}
}

// versions are those of a repo's sources, which are kept once they were looked for.
func (r *run) versions(kept *map[string]string, repo *resolution.Repo) map[string]string {
	if *kept == nil {
		*kept = repo.Contents.Versions()
	}
	return *kept
}

// has says whether what needs a dependency is among packages.
func has(packages []resolution.Provider, n *depset.Unmet) bool {
	for i := range packages {
		if packages[i].NEVRA == n.By {
			return true
		}
	}
	return false
}

// earlier returns the repo that the collection's verdicts were about before this
// one, nil if it cannot be had. It is most often in memory still.
func (r *run) earlier(ctx context.Context) *resolution.Repo {
	if r.earlierURL == "" {
		return nil
	}
	repo, err := r.service.Repos.Open(ctx, r.earlierURL, nil)
	if err != nil {
		r.service.Log.InfoContext(ctx, "the repo before is gone, what took dependencies away is not known",
			"collection", r.collection.Name, "repo", r.collection.LatestRepoID, "error", err)
		r.earlierURL = "" // not again
		return nil
	}
	return repo
}
