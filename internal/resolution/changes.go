package resolution

import (
	"bytes"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Distances counts the changes between two sets, given what only the earlier and
// only the later of them has (see [depset.Diff]). A package that is gone and one
// that came are one change if they have the same name; it is as far as the one
// that came. names must tell what the packages are. The changes themselves are
// koschei.DiffDependencies'; to list them takes far longer, and where all packages
// of a collection change, there are a million.
func Distances(gone, come depset.Set, names map[int32]*rpm.NEVRA) koschei.Distances {
	var d koschei.Distances
	unpaired := make(map[string]int, len(gone)) // of those gone, by name
	for _, m := range gone {
		unpaired[names[m.ID].Name]++
	}
	for _, m := range come {
		d[m.Distance]++
		if name := names[m.ID].Name; unpaired[name] > 0 {
			unpaired[name]--
		}
	}
	for _, n := range unpaired {
		d[koschei.NoDistance] += n
	}
	return d
}

// Differs says whether an answer is another than the one that is stored for a
// package. The order of problems means nothing.
func (a *Answer) Differs(c *depset.Candidate) bool {
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
