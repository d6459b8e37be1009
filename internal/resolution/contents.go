package resolution

import (
	"cmp"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Contents are the packages of a repository and the sources they were made
// from. They are small and outlive the Repo.
type Contents struct {
	set     depset.Set
	sources map[int32]depset.Source
}

func newContents(interned []int32, sources []depset.Source) *Contents {
	c := &Contents{sources: make(map[int32]depset.Source, len(interned))}
	members := make([]depset.Member, len(interned))
	for i, id := range interned {
		members[i].ID = id
		c.sources[id] = sources[i]
	}
	c.set = depset.NewSet(members)
	return c
}

// Versions returns the version-releases of all sources, by name. Where there are
// packages of several, it is that of the package interned last.
func (c *Contents) Versions() map[string]string {
	versions := map[string]string{}
	for _, m := range c.set {
		if s := c.sources[m.ID]; s.Version != "" {
			versions[s.Name] = s.Version
		}
	}
	return versions
}

// A Difference is what two repositories have otherwise.
type Difference struct {
	IDs []int32 // of all packages that only one of the two has

	bySource map[string]*sides
}

type sides struct{ gone, come depset.Set }

// Since returns the difference of c to earlier contents.
func (c *Contents) Since(earlier *Contents) *Difference {
	d := &Difference{bySource: map[string]*sides{}}
	gone, come := depset.Diff(earlier.set, c.set)
	for _, m := range gone {
		s := d.of(earlier.sources[m.ID].Name)
		s.gone = append(s.gone, m)
		d.IDs = append(d.IDs, m.ID)
	}
	for _, m := range come {
		s := d.of(c.sources[m.ID].Name)
		s.come = append(s.come, m)
		d.IDs = append(d.IDs, m.ID)
	}
	return d
}

func (d *Difference) of(source string) *sides {
	s := d.bySource[source]
	if s == nil {
		s = &sides{}
		d.bySource[source] = s
	}
	return s
}

// Changes returns the difference by source, each source's packages paired by
// name, and whom it reached. names must tell what d.IDs are.
func (d *Difference) Changes(names map[int32]*rpm.NEVRA, reach *Reach) []depset.SourceChange {
	numbers := make(map[rpm.NEVRA]int32, len(d.IDs))
	for _, id := range d.IDs {
		numbers[*names[id]] = id
	}
	number := func(n *rpm.NEVRA) int32 {
		if n == nil {
			return 0
		}
		return numbers[*n]
	}
	changes := make([]depset.SourceChange, 0, len(d.bySource))
	for source, s := range d.bySource {
		c := depset.SourceChange{Source: source, Reached: reach.Of(source)}
		for _, change := range koschei.DiffDependencies(named(s.gone, names), named(s.come, names)) {
			c.Prev = append(c.Prev, number(change.Prev))
			c.Curr = append(c.Curr, number(change.Curr))
		}
		changes = append(changes, c)
	}
	slices.SortFunc(changes, func(a, b depset.SourceChange) int { return cmp.Compare(a.Source, b.Source) })
	return changes
}

// named is a part of a set in the order of package koschei.
func named(part depset.Set, names map[int32]*rpm.NEVRA) []koschei.Dependency {
	deps := make([]koschei.Dependency, len(part))
	for i, m := range part {
		deps[i] = koschei.Dependency{NEVRA: *names[m.ID], Distance: int(m.Distance)}
	}
	slices.SortFunc(deps, koschei.CompareDependencies)
	return deps
}
