package depsolve

import (
	"slices"
	"sort"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// An Overlay asks "what if": it is a Universe with some packages added and
// removed. The names, versions and dependency lists of the base are shared, not
// copied; only what follows from them is worked out anew.
type Overlay struct {
	base    *Universe
	builder *Builder
	repo    RepoID
	removed map[ID]bool
}

// NewOverlay returns an Overlay without changes. Packages added to it belong to
// a repository of the given name, with the priority of the first one of u.
func (u *Universe) NewOverlay(repo string) *Overlay {
	o := &Overlay{base: u, builder: u.Next(), removed: make(map[ID]bool)}
	priority := 0
	if len(u.repos) > 0 {
		priority = u.repos[0].priority
	}
	o.repo = o.builder.AddRepo(repo, priority)
	return o
}

// Remove removes a package of the base.
func (o *Overlay) Remove(id ID) { o.removed[id] = true }

// Add adds a package beside those of its name. It is like Builder.Add.
func (o *Overlay) Add(p *rpm.Package) error {
	_, err := o.builder.Add(o.repo, p)
	return err
}

// Replace adds a package and removes those of the base that have its name. One
// that Add would pass over changes nothing.
func (o *Overlay) Replace(p *rpm.Package) error {
	if o.builder.archs[p.Arch] == foreign {
		return nil
	}
	for _, id := range o.base.Named(p.Name) {
		o.Remove(id)
	}
	return o.Add(p)
}

// Universe returns the base with all changes. Added packages are numbered as a
// repository sorted by name would have them: after those of their name, else
// before the next name. The Overlay must not be used any more.
func (o *Overlay) Universe() *Universe {
	b := o.builder
	b.pool.symbols.freeze() // to compare names
	added := o.addedBefore()
	b.pkgs = make([]pkg, 1, len(o.base.pkgs)+len(b.pkgs))
	for id := ID(1); int(id) < len(o.base.pkgs); id++ {
		b.pkgs = append(b.pkgs, added[id]...)
		if !o.removed[id] {
			if kept := b.Keep(id); o.base.excluded[id] {
				b.Exclude(kept)
			}
		}
	}
	b.pkgs = append(b.pkgs, added[ID(len(o.base.pkgs))]...)
	return b.Universe()
}

// addedBefore returns the added packages by the package of the base that they
// come before.
func (o *Overlay) addedBefore() map[ID][]pkg {
	name := func(p pkg) string { return o.builder.pool.symbols.string(p.name) }
	added := o.builder.pkgs[1:]
	slices.SortStableFunc(added, func(a, b pkg) int { return strings.Compare(name(a), name(b)) })
	before := make(map[ID][]pkg)
	for _, p := range added {
		at := o.place(name(p))
		before[at] = append(before[at], p)
	}
	return before
}

// place returns the package of the base that one of a name comes before.
func (o *Overlay) place(name string) ID {
	if ids := o.base.Named(name); len(ids) > 0 {
		return ids[len(ids)-1] + 1
	}
	return ID(1 + sort.Search(o.base.Len(), func(i int) bool { return o.base.Name(ID(i+1)) > name }))
}
