// Package scheduler decides which package is most worth a scratch build and
// submits it. One process at a time does so, held by a lease; the others stand
// by.
//
// A pass settles first what an earlier one left open: builds that were written
// down but of which nobody knows whether the hub has them. Then it fills the
// free places: the collection whose turn it is, of its packages above the
// threshold the one with the highest priority that may be built and whose
// hosts have room. A package whose turn would come but that cannot be built is
// held for a while, with the reason, and does not keep the next one waiting.
//
// A submission is written down and committed before the hub is asked; see
// decision 7. What becomes of a build is not for this package: package kojisync
// hears it. It resolves nothing and changes no priority but the manual one,
// which a submission uses up.
package scheduler
