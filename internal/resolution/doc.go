// Package resolution answers what source packages would be built with in a
// repo: their buildroots as dependency sets, or why there is none, and how much
// has changed since another set. The repo-resolver asks for whole collections,
// the build-resolver for single builds.
//
// A [Repo] is a repository loaded into memory once and never changed, so that
// collections and goroutines share it; [Repos] keeps those used last and has the
// next repo of a tag take over what did not change. A [Resolver] resolves against
// one with a buildroot group, on all cores:
//
//	repo, err := repos.Open(ctx, url, resolution.Paths(requires))
//	resolver := repo.Resolver(resolution.Options{Group: members})
//	base := resolver.Base()
//	answers, err := resolver.Resolve(ctx, goals)
//
// Sets consist of the record's numbers for packages (see [depset.Member]), so
// that 34,000 of them are compared with stored ones without a look at a name.
//
// The package reads repos through package repodata and nothing else: it asks
// neither the hub nor the database, and decides nothing about what is stored.
package resolution
