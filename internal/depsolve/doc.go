// Package depsolve answers what a buildroot would contain: given all packages
// of some repositories (a [Universe]) and what is asked for (a [Goal]: the
// buildroot group and one source package's BuildRequires), it returns the
// packages that libsolv would install, or the reasons why there is no
// solution. The answers are libsolv's own, down to which of several providers
// is taken; tests hold the package to that.
//
// # How it is used
//
// Package repodata feeds a [Builder] with one package after the other, in the
// order of the metadata, and asks it for the Universe. Package resolution then
// solves one goal per source package:
//
//	solver := universe.NewSolver()
//	result := solver.Solve(goal)
//	if result.OK {
//		distances := solver.Distances(result.Packages)
//	}
//
// A Universe never changes, so any number of goroutines may share it. A Solver
// is for one goroutine: it is its working memory.
//
// [Solver.Explain] says why a goal has no solution, in the words of libdnf and
// with the chain of dependencies that leads to each culprit. [Universe.Causes]
// makes of it what a packager wants to read. [Solver.Why] says why a package is
// in an answer. [Compare] says which answers still hold after a change of the
// repository, so that only the others are solved again. An [Overlay] asks what a
// change would do. [Universe.Next] makes the universe of the next repository and
// does not parse again what has not changed.
//
// # Why it is fast
//
// libsolv builds the rules of a goal from scratch, for every goal. Here they
// are built once per repository, and a goal visits only what it installs. The
// buildroot group, which is part of every goal, is propagated once and kept.
// This lazy solver follows libsolv's policy exactly, but cannot handle conflicts
// that appear after a choice. Such a goal, a few in ten thousand, is solved again
// by a second solver. It learns from conflicts as libsolv does, and takes as much
// time. Without a conflict both must give the same answer, because the set of
// packages then depends only on the choices, and these are made in the order of
// the rules.
//
// # How to read it
//
// Builder interns packages (symbol.go, dependency.go) and works out who provides
// what (provider.go), what packages demand (rule.go, rules.go, cnf.go) and what
// they advise (weak.go); arch.go is about i686 beside x86_64. Solver, the lazy
// one, begins with what a goal leaves no choice about (base.go, solver.go,
// lazypropagate.go, lazywatch.go) and then chooses (lazysearch.go) by the policy
// that both solvers share (chooser.go, policy.go, branch.go, weakresolve.go).
// The second solver is in full*.go.
//
// # What it does not do
//
// It does no I/O, reads no clock, logs nothing and keeps no state between
// calls but its inputs. There is no installed system: every goal starts from an
// empty root. There are no updates, no erasures, no locks, no modules, no
// vendors.
//
// It differs from libsolv in one case: a package that is named only by a condition
// inside another, or by the condition of an "else". libsolv may install it without
// its requirements, because it forgets them. Here all requirements count.
package depsolve
