// Package koschei is the vocabulary of Koschei, continuous integration for a
// whole RPM distribution: its types, their transitions, and the rules. Every other
// package uses these words. The package is pure: it does no I/O, reads no clock
// but through Clock, and keeps no state.
//
// # Glossary
//
// Words of Koji, RPM and mock are used as those use them: tag, target, task,
// scratch build, event, repo, NEVRA, EVR, BuildRequires, buildroot, SRPM.
// Our own are few:
//
//   - A collection is a distribution release: a Koji target to build for, a
//     destination tag to find sources in, a build tag whose repos are resolved.
//   - A base package is a source package's name; a package is that name in one
//     collection.
//   - A real build was made by packagers and tagged; a scratch build is ours.
//   - A dependency set is what a buildroot contains: NEVRAs with distances.
//   - The distance of a dependency is how many requirements away from the
//     BuildRequires a package of its name is first met, 1 to 4; beyond that, or
//     for the build group, it has none.
//   - A change is one dependency that differs between two sets.
//   - An event is a number of the hub's total order of changes. Repos, taggings
//     and builds carry one. What came first is decided by events, never by
//     clocks and never by versions.
//   - Domain time is the time the hub lives in. Under a simulated hub it runs
//     faster than the wall clock, which only leases and retries use.
package koschei
