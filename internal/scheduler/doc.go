// Package scheduler decides which package is most worth a scratch build, and
// submits it. One process at a time does, under a lease; the others stand by.
//
// A pass first settles what an earlier one left open: builds that were stored, but
// of which nobody knows whether the hub has them. Then it fills the free places. It
// takes the collection whose turn it is, and of its packages above the threshold the
// one with the highest priority that may be built and whose hosts have room. A
// package that is due but cannot be built is held for a while, with the reason, and
// the next one is built.
//
// A submission is stored and committed before the hub is asked; see decision 7.
// Package kojisync finds out how a build ends. The scheduler resolves nothing. Of
// all priorities it changes only the manual one, which ends with the submission.
package scheduler
