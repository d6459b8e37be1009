package depsolve

import (
	"cmp"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A versionID names an interned EVR. Version 0 is that of a relation without
// one.
type versionID int32

type version struct {
	epoch            uint32
	version, release symbol
}

// An overlap says how one EVR compares with another where a missing release
// matches any: RPM's rule for dependencies.
type overlap int8

const (
	older       overlap = -1 // strictly
	same        overlap = 0
	newer       overlap = 1
	lessPrecise overlap = -2 // equal, but only the other has a release
	morePrecise overlap = 2  // equal, but the other has no release
)

// meansAny reports whether a comparison allows every version.
func meansAny(op rpm.Op) bool { return op == 0 || op == rpm.Less|rpm.Equal|rpm.Greater }

func overlapOf(a, b rpm.EVR) overlap {
	if c := cmp.Compare(a.Epoch, b.Epoch); c != 0 {
		return overlap(c)
	}
	if c := rpm.CompareVersions(a.Version, b.Version); c != 0 {
		return overlap(cmp.Compare(c, 0))
	}
	switch {
	case a.Release == b.Release:
		return same
	case a.Release == "":
		return lessPrecise
	case b.Release == "":
		return morePrecise
	}
	return overlap(cmp.Compare(rpm.CompareVersions(a.Release, b.Release), 0))
}

// provides reports whether something provided as "name pop pevr" meets the
// requirement "name op evr": whether the two ranges have a version in common.
func provides(pop rpm.Op, pevr rpm.EVR, op rpm.Op, evr rpm.EVR) bool {
	if (pop|op)&rpm.NoComparison != 0 {
		return false
	}
	if meansAny(pop) || meansAny(op) || pop&op&(rpm.Less|rpm.Greater) != 0 {
		return true
	}
	switch overlapOf(pevr, evr) {
	case lessPrecise:
		return pop&rpm.Equal != 0
	case morePrecise:
		return op&rpm.Equal != 0
	case older:
		return op&rpm.Less != 0 || pop&rpm.Greater != 0
	case newer:
		return op&rpm.Greater != 0 || pop&rpm.Less != 0
	}
	return op&pop&rpm.Equal != 0
}

// is reports whether a package of version evr is meant by "name op other", as
// Obsoletes mean packages.
func is(evr rpm.EVR, op rpm.Op, other rpm.EVR) bool {
	if op&rpm.NoComparison != 0 {
		return false
	}
	if meansAny(op) {
		return true
	}
	switch overlapOf(evr, other) {
	case lessPrecise:
		return true
	case older:
		return op&rpm.Less != 0
	case newer:
		return op&rpm.Greater != 0
	}
	return op&rpm.Equal != 0
}
