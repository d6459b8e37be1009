package koschei

import (
	"cmp"
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// NoDistance is the distance of a dependency that no requirement chain of at
// most four steps from the BuildRequires leads to.
const NoDistance = 0

// A Dependency is one package of a buildroot.
type Dependency struct {
	rpm.NEVRA
	Distance int // 1 to 4, or NoDistance
}

// A Change is a dependency that differs between two sets. Prev is nil for an
// added one, Curr for a removed one.
type Change struct {
	Name     string
	Prev     *rpm.NEVRA
	Curr     *rpm.NEVRA
	Distance int // of Curr; NoDistance if removed
}

func (c Change) weightDistance() int {
	if c.Distance == NoDistance {
		return farDistance
	}
	return c.Distance
}

// DiffDependencies returns what changed from prev to curr, nearest first and
// by name within a distance. Both must be sorted by CompareDependencies. Names
// installed in several versions or architectures are paired in that order; what
// stands in both sets is no change, whatever its distance.
func DiffDependencies(prev, curr []Dependency) []Change {
	var changes []Change
	for len(prev) > 0 || len(curr) > 0 {
		name := firstName(prev, curr)
		var p, c []Dependency
		p, prev = cutName(prev, name)
		c, curr = cutName(curr, name)
		changes = append(changes, diffName(name, without(p, c), without(c, p))...)
	}
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.weightDistance(), b.weightDistance()), cmp.Compare(a.Name, b.Name))
	})
	return changes
}

// Distances counts changes by their distance: [NoDistance] those of which none is
// known, [1] to [4] the others.
type Distances [5]int

// CompareDependencies orders dependencies by name, architecture and EVR.
func CompareDependencies(a, b Dependency) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), a.Compare(b.EVR))
}

func firstName(a, b []Dependency) string {
	if len(a) == 0 || len(b) > 0 && b[0].Name < a[0].Name {
		return b[0].Name
	}
	return a[0].Name
}

func cutName(set []Dependency, name string) (named, rest []Dependency) {
	n := 0
	for n < len(set) && set[n].Name == name {
		n++
	}
	return set[:n], set[n:]
}

// without returns the members of set whose NEVRA other lacks.
func without(set, other []Dependency) []Dependency {
	var left []Dependency
	for _, d := range set {
		if !slices.ContainsFunc(other, func(o Dependency) bool { return o.NEVRA == d.NEVRA }) {
			left = append(left, d)
		}
	}
	return left
}

func diffName(name string, gone, come []Dependency) []Change {
	changes := make([]Change, max(len(gone), len(come)))
	for i := range changes {
		changes[i].Name = name
		if i < len(gone) {
			changes[i].Prev = &gone[i].NEVRA
		}
		if i < len(come) {
			changes[i].Curr = &come[i].NEVRA
			changes[i].Distance = come[i].Distance
		}
	}
	return changes
}
