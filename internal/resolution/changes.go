package resolution

import (
	"bytes"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Changes returns what changed from one set to another. names must tell what
// the packages are that only one of them has; see Changed.
func Changes(prev, curr postgres.Set, names map[int32]*rpm.NEVRA) []koschei.Change {
	gone, come := postgres.Diff(prev, curr)
	return koschei.DiffDependencies(named(gone, names), named(come, names))
}

// Changed yields the packages that only one of the sets has.
func Changed(prev, curr postgres.Set) []int32 {
	gone, come := postgres.Diff(prev, curr)
	ids := make([]int32, 0, len(gone)+len(come))
	for _, m := range slices.Concat(gone, come) {
		ids = append(ids, m.ID)
	}
	return ids
}

// Differs says whether an answer is another than the one that is stored for a
// package. The order of problems means nothing.
func (a *Answer) Differs(c *postgres.Candidate) bool {
	if !a.Resolved() {
		return c.Resolution != koschei.Unresolved || !sameTexts(a.Problems, c.Problems)
	}
	if c.Resolution != koschei.Resolved {
		return true
	}
	return !a.Same && !bytes.Equal(a.Hash, c.SetHash)
}

func sameTexts(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
