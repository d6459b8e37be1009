// Package resolution answers what source packages would be built with in a
// repo: their buildroots as dependency sets, or why a buildroot cannot be
// installed, and how much has changed since another set. The repo-resolver asks
// for whole collections, the build-resolver for single builds.
//
// A [Repo] is a repository in memory. It is loaded once and never changes, so
// collections and goroutines share it. [Repos] keeps those used last; the next
// repo of a tag takes over what did not change. A [Resolver] resolves in one repo
// with one build group, on all cores:
//
//	repo, err := repos.Open(ctx, url, resolution.Paths(requires))
//	resolver := repo.Resolver(resolution.Options{Group: members})
//	base := resolver.Base()
//	answers, err := resolver.Resolve(ctx, goals)
//
// Sets consist of the record's numbers for packages (see [depset.Member]), so
// 34,000 sets are compared with stored ones without reading a name. The numbers
// come from the caller.
//
// The package reads repos through package repodata. It asks neither the hub nor
// the database, and does not decide what is stored.
package resolution
