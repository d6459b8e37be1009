package kojisim

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Tag holds builds, packages and groups, its own and those of its parents.
type Tag struct {
	ID      int
	Name    string
	Created int // event
	Arches  []string
	Extra   Options
	Parents []*Tag // by priority

	Listed   map[int]*ListedPackage // by package id
	PkgOrder []int
	Taggings []*Tagging         // in the order of their events
	ByPkg    map[int][]*Tagging // the same by package id
	Groups   []*Group
	External []*ExternalUse
	Loose    []*rpm.Package // of an external repo; in every repo of this tag and its heirs
	touches  []int          // events that changed what a repo of this tag holds
	listed   int            // event of the last change of the package list
}

// A ListedPackage is a package's entry in a tag's list.
type ListedPackage struct {
	Package     *Package
	Owner       *User
	Blocked     bool
	ExtraArches string
	Created     int // event
	Changed     int // event of the last change, the creation for one
}

// A Tagging is the time a build was in a tag.
type Tagging struct {
	Build           *Build
	Tag             *Tag
	Created         int // event
	Revoked         int // event, 0 while it lasts
	Creator, Ending *User
}

func (g *Tagging) activeAt(event int) bool {
	return g.Created <= event && (g.Revoked == 0 || g.Revoked > event)
}

// A Group is a set of packages to install together.
type Group struct {
	ID          int
	Name        string
	Description string
	Created     int // event
	Members     []GroupMember
	Requires    []GroupNeed
}

// A GroupMember is a package of a group.
type GroupMember struct{ Name, Kind string } // kind: mandatory, default, optional

// A GroupNeed is a group that another one requires.
type GroupNeed struct {
	Group *Group
	Kind  string
}

// A Target says where builds take their buildroot from and where they go.
type Target struct {
	ID          int
	Name        string
	Build, Dest *Tag
}

// An ExternalRepo is a repository that Koji does not make.
type ExternalRepo struct {
	ID        int
	Name, URL string
}

// An ExternalUse is an external repo that repos of a tag are merged with.
type ExternalUse struct {
	Repo     *ExternalRepo
	Priority int
	Mode     string
}

// Order is the tag followed by all it inherits from, nearest first.
func (t *Tag) Order() []*Tag {
	seen := []*Tag{t}
	for _, p := range t.Parents {
		for _, a := range p.Order() {
			if !slices.Contains(seen, a) {
				seen = append(seen, a)
			}
		}
	}
	return seen
}

// OwnArches are the architectures of the tag, or those it inherits.
func (t *Tag) OwnArches() []string {
	for _, a := range t.Order() {
		if len(a.Arches) > 0 {
			return a.Arches
		}
	}
	return nil
}

// touch notes an event that changes what a repo of the tag holds.
func (t *Tag) touch(event int) { t.touches = append(t.touches, event) }

// ChangedAt is the last event not after event that changed what a repo of the
// tag holds; 0 if none.
func (t *Tag) ChangedAt(event int) int {
	last := 0
	for _, a := range t.Order() {
		if i, found := slices.BinarySearch(a.touches, event); found {
			last = max(last, event)
		} else if i > 0 {
			last = max(last, a.touches[i-1])
		}
	}
	return last
}

// changedAfter is the first event after event that changed what a repo of the
// tag holds; 0 if none.
func (t *Tag) changedAfter(event int) int {
	first := 0
	for _, a := range t.Order() {
		i, _ := slices.BinarySearch(a.touches, event+1)
		if i < len(a.touches) && (first == 0 || a.touches[i] < first) {
			first = a.touches[i]
		}
	}
	return first
}

// OwnChangeAfter reports whether the tag itself has changed after event, in
// whatever way.
func (t *Tag) OwnChangeAfter(event int) bool {
	return t.listed > event || len(t.touches) > 0 && t.touches[len(t.touches)-1] > event
}

func appendListing(out []*Tagging, tags []*Tag, p *Package, event int, latest bool) []*Tagging {
	if IsBlocked(tags, p) {
		return out
	}
	for _, t := range tags {
		gs := t.ByPkg[p.ID]
		for i := len(gs) - 1; i >= 0; i-- {
			if !gs[i].activeAt(event) {
				continue
			}
			out = append(out, gs[i])
			if latest {
				return out
			}
		}
	}
	return out
}

// IsBlocked reports whether the nearest tag that lists p blocks it.
func IsBlocked(tags []*Tag, p *Package) bool {
	for _, t := range tags {
		if l := t.Listed[p.ID]; l != nil {
			return l.Blocked
		}
	}
	return false
}

// LatestBuild is the build of p that counts in t at event, nil without one.
func (t *Tag) LatestBuild(p *Package, event int) *Build { return LatestBuildIn(t.Order(), p, event) }

// LatestBuildIn is latestBuild of a tag with that order.
func LatestBuildIn(order []*Tag, p *Package, event int) *Build {
	g := appendListing(nil, order, p, event, true)
	if len(g) == 0 {
		return nil
	}
	return g[0].Build
}

// GroupByName finds a group of the tag or its parents; nil if there is none.
func (t *Tag) GroupByName(name string) *Group {
	for _, a := range t.Order() {
		for _, g := range a.Groups {
			if g.Name == name {
				return g
			}
		}
	}
	return nil
}

// AllMembers are the packages that installing the group brings in by name:
// its mandatory and default members and those of the groups it requires.
func (g *Group) AllMembers() []GroupMember {
	var out []GroupMember
	var visit func(g *Group)
	seen := map[*Group]bool{}
	visit = func(g *Group) {
		if seen[g] {
			return
		}
		seen[g] = true
		for _, m := range g.Members {
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
		for _, n := range g.Requires {
			visit(n.Group)
		}
	}
	visit(g)
	return out
}
