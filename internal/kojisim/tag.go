package kojisim

import (
	"slices"
	"strings"

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

// AddTag makes a tag.
func (w *System) AddTag(name string, arches []string, parents ...*Tag) *Tag {
	t := &Tag{
		ID: len(w.Tags) + 1, Name: name, Arches: arches, Parents: parents,
		Listed: map[int]*ListedPackage{}, ByPkg: map[int][]*Tagging{},
	}
	t.Created = w.NewEvent()
	t.Touch(t.Created)
	w.Tags = append(w.Tags, t)
	w.tagIDs[name] = t.ID
	return t
}

// TagByName finds a tag; nil if there is none.
func (w *System) TagByName(name string) *Tag {
	if id, ok := w.tagIDs[name]; ok {
		return w.Tags[id-1]
	}
	return nil
}

// AddTarget makes a target.
func (w *System) AddTarget(name string, build, dest *Tag) {
	t := &Target{ID: 1, Name: name, Build: build, Dest: dest}
	if n := len(w.Targets); n > 0 {
		t.ID = w.Targets[n-1].ID + 1
	}
	w.Targets = append(w.Targets, t)
	w.NewEvent()
}

// RemoveTarget removes a target and reports whether there was one.
func (w *System) RemoveTarget(name string) bool {
	i := slices.IndexFunc(w.Targets, func(t *Target) bool { return t.Name == name })
	if i < 0 {
		return false
	}
	w.Targets = slices.Delete(slices.Clone(w.Targets), i, i+1)
	w.NewEvent()
	return true
}

// TargetByName finds a target; nil if there is none.
func (w *System) TargetByName(name string) *Target {
	for _, t := range w.Targets {
		if t.Name == name {
			return t
		}
	}
	return nil
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

// Touch notes an event that changes what a repo of the tag holds.
func (t *Tag) Touch(event int) { t.touches = append(t.touches, event) }

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

// AddPackage lists a package in a tag.
func (w *System) AddPackage(t *Tag, p *Package, owner *User) *ListedPackage {
	l := &ListedPackage{Package: p, Owner: owner, Created: w.NewEvent()}
	l.Changed, t.listed = l.Created, l.Created
	t.Listed[p.ID] = l
	t.PkgOrder = append(t.PkgOrder, p.ID)
	w.Tell(ListChange{t, l, "add"})
	return l
}

// BlockPackage retires a package from a tag, or takes it back.
func (w *System) BlockPackage(t *Tag, p *Package, blocked bool) {
	l := t.Listed[p.ID]
	if l == nil || l.Blocked == blocked {
		return
	}
	l.Blocked, l.Changed = blocked, w.NewEvent()
	t.listed = l.Changed
	t.Touch(l.Changed)
	action := "unblock"
	if blocked {
		action = "block"
	}
	w.Tell(ListChange{t, l, action})
}

// TagBuild puts a build into a tag; a build that is there moves to the top.
func (w *System) TagBuild(t *Tag, b *Build, by *User) {
	event := w.NewEvent()
	for _, old := range t.ByPkg[b.Package.ID] {
		if old.Build == b && old.Revoked == 0 {
			old.Revoked, old.Ending = event, by
		}
	}
	g := &Tagging{Build: b, Tag: t, Created: event, Creator: by}
	t.Taggings = append(t.Taggings, g)
	t.ByPkg[b.Package.ID] = append(t.ByPkg[b.Package.ID], g)
	t.Touch(event)
	w.provide(b)
	w.Tell(TagChange{Tagging: g, By: by})
}

// UntagBuild takes a build out of a tag and reports whether it was there.
func (w *System) UntagBuild(t *Tag, b *Build, by *User) bool {
	for _, g := range t.ByPkg[b.Package.ID] {
		if g.Build == b && g.Revoked == 0 {
			g.Revoked, g.Ending = w.NewEvent(), by
			t.Touch(g.Revoked)
			w.Tell(TagChange{Tagging: g, By: by, Left: true})
			return true
		}
	}
	return false
}

// A TagQuery selects taggings of a tag.
type TagQuery struct {
	Event   int // 0: now
	Inherit bool
	Latest  bool
	Package *Package // nil: all
}

// Listing returns the taggings that q selects: package by package in the order
// of their names as Koji has it, the newest tagging first.
func (w *System) Listing(t *Tag, q TagQuery) []*Tagging {
	event := q.Event
	if event == 0 {
		event = w.LastEvent()
	}
	tags := []*Tag{t}
	if q.Inherit {
		tags = t.Order()
	}
	var out []*Tagging
	if q.Package != nil {
		return appendListing(out, tags, q.Package, event, q.Latest)
	}
	for i := len(w.Packages) - 1; i >= 0; i-- {
		out = appendListing(out, tags, w.Packages[i], event, q.Latest)
	}
	return out
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

// AddGroup makes a group of a tag.
func (w *System) AddGroup(t *Tag, name, description string) *Group {
	w.groups++
	g := &Group{ID: w.groups, Name: name, Description: description, Created: w.NewEvent()}
	t.Groups = append(t.Groups, g)
	t.Touch(g.Created)
	return g
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

// ExternalOf finds an external repo by name or id; nil if there is none.
func (w *System) ExternalOf(info any) *ExternalRepo {
	for _, r := range w.External {
		if info == r.Name || info == int64(r.ID) {
			return r
		}
	}
	return nil
}

// AddExternalRepo makes an external repo known.
func (w *System) AddExternalRepo(name, url string) *ExternalRepo {
	if !strings.HasSuffix(url, "/") {
		url += "/"
	}
	r := &ExternalRepo{ID: len(w.External) + 1, Name: name, URL: url}
	w.External = append(w.External, r)
	w.NewEvent()
	return r
}
