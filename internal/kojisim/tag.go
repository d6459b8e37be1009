package kojisim

import (
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A tag holds builds, packages and groups, its own and those of its parents.
type tag struct {
	id      int
	name    string
	created int // event
	arches  []string
	extra   Options
	parents []*tag // by priority

	pkgs     map[int]*listedPkg // by package id
	pkgOrder []int
	taggings []*tagging         // in the order of their events
	byPkg    map[int][]*tagging // the same by package id
	groups   []*group
	external []*externalUse
	loose    []*rpm.Package // of an external repo; in every repo of this tag and its heirs
	touches  []int          // events that changed what a repo of this tag holds
	listed   int            // event of the last change of the package list
}

// A listedPkg is a package's entry in a tag's list.
type listedPkg struct {
	pkg         *pkg
	owner       *user
	blocked     bool
	extraArches string
	created     int // event
	changed     int // event of the last change, the creation for one
}

// A tagging is the time a build was in a tag.
type tagging struct {
	build           *build
	tag             *tag
	created         int // event
	revoked         int // event, 0 while it lasts
	creator, ending *user
}

func (g *tagging) activeAt(event int) bool {
	return g.created <= event && (g.revoked == 0 || g.revoked > event)
}

// A group is a set of packages to install together.
type group struct {
	id          int
	name        string
	description string
	created     int // event
	members     []groupMember
	requires    []groupNeed
}

// A groupMember is a package of a group.
type groupMember struct{ name, kind string } // kind: mandatory, default, optional

// A groupNeed is a group that another one requires.
type groupNeed struct {
	group *group
	kind  string
}

// A target says where builds take their buildroot from and where they go.
type target struct {
	id          int
	name        string
	build, dest *tag
}

// An externalRepo is a repository that Koji does not make.
type externalRepo struct {
	id        int
	name, url string
}

// An externalUse is an external repo that repos of a tag are merged with.
type externalUse struct {
	repo     *externalRepo
	priority int
	mode     string
}

// addTag makes a tag.
func (w *System) addTag(name string, arches []string, parents ...*tag) *tag {
	t := &tag{
		id: len(w.tags) + 1, name: name, arches: arches, parents: parents,
		pkgs: map[int]*listedPkg{}, byPkg: map[int][]*tagging{},
	}
	t.created = w.newEvent()
	t.touch(t.created)
	w.tags = append(w.tags, t)
	w.tagIDs[name] = t.id
	return t
}

// tagByName finds a tag; nil if there is none.
func (w *System) tagByName(name string) *tag {
	if id, ok := w.tagIDs[name]; ok {
		return w.tags[id-1]
	}
	return nil
}

// addTarget makes a target.
func (w *System) addTarget(name string, build, dest *tag) {
	t := &target{id: 1, name: name, build: build, dest: dest}
	if n := len(w.targets); n > 0 {
		t.id = w.targets[n-1].id + 1
	}
	w.targets = append(w.targets, t)
	w.newEvent()
}

// removeTarget removes a target and reports whether there was one.
func (w *System) removeTarget(name string) bool {
	i := slices.IndexFunc(w.targets, func(t *target) bool { return t.name == name })
	if i < 0 {
		return false
	}
	w.targets = slices.Delete(slices.Clone(w.targets), i, i+1)
	w.newEvent()
	return true
}

// targetByName finds a target; nil if there is none.
func (w *System) targetByName(name string) *target {
	for _, t := range w.targets {
		if t.name == name {
			return t
		}
	}
	return nil
}

// order is the tag followed by all it inherits from, nearest first.
func (t *tag) order() []*tag {
	seen := []*tag{t}
	for _, p := range t.parents {
		for _, a := range p.order() {
			if !slices.Contains(seen, a) {
				seen = append(seen, a)
			}
		}
	}
	return seen
}

// ownArches are the architectures of the tag, or those it inherits.
func (t *tag) ownArches() []string {
	for _, a := range t.order() {
		if len(a.arches) > 0 {
			return a.arches
		}
	}
	return nil
}

// touch notes an event that changes what a repo of the tag holds.
func (t *tag) touch(event int) { t.touches = append(t.touches, event) }

// changedAt is the last event not after event that changed what a repo of the
// tag holds; 0 if none.
func (t *tag) changedAt(event int) int {
	last := 0
	for _, a := range t.order() {
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
func (t *tag) changedAfter(event int) int {
	first := 0
	for _, a := range t.order() {
		i, _ := slices.BinarySearch(a.touches, event+1)
		if i < len(a.touches) && (first == 0 || a.touches[i] < first) {
			first = a.touches[i]
		}
	}
	return first
}

// ownChangeAfter reports whether the tag itself has changed after event, in
// whatever way.
func (t *tag) ownChangeAfter(event int) bool {
	return t.listed > event || len(t.touches) > 0 && t.touches[len(t.touches)-1] > event
}

// addPackage lists a package in a tag.
func (w *System) addPackage(t *tag, p *pkg, owner *user) *listedPkg {
	l := &listedPkg{pkg: p, owner: owner, created: w.newEvent()}
	l.changed, t.listed = l.created, l.created
	t.pkgs[p.id] = l
	t.pkgOrder = append(t.pkgOrder, p.id)
	w.tell(ListChange{t, l, "add"})
	return l
}

// blockPackage retires a package from a tag, or takes it back.
func (w *System) blockPackage(t *tag, p *pkg, blocked bool) {
	l := t.pkgs[p.id]
	if l == nil || l.blocked == blocked {
		return
	}
	l.blocked, l.changed = blocked, w.newEvent()
	t.listed = l.changed
	t.touch(l.changed)
	action := "unblock"
	if blocked {
		action = "block"
	}
	w.tell(ListChange{t, l, action})
}

// tagBuild puts a build into a tag; a build that is there moves to the top.
func (w *System) tagBuild(t *tag, b *build, by *user) {
	event := w.newEvent()
	for _, old := range t.byPkg[b.pkg.id] {
		if old.build == b && old.revoked == 0 {
			old.revoked, old.ending = event, by
		}
	}
	g := &tagging{build: b, tag: t, created: event, creator: by}
	t.taggings = append(t.taggings, g)
	t.byPkg[b.pkg.id] = append(t.byPkg[b.pkg.id], g)
	t.touch(event)
	w.provide(b)
	w.tell(TagChange{Tagging: g, By: by})
}

// untagBuild takes a build out of a tag and reports whether it was there.
func (w *System) untagBuild(t *tag, b *build, by *user) bool {
	for _, g := range t.byPkg[b.pkg.id] {
		if g.build == b && g.revoked == 0 {
			g.revoked, g.ending = w.newEvent(), by
			t.touch(g.revoked)
			w.tell(TagChange{Tagging: g, By: by, Left: true})
			return true
		}
	}
	return false
}

// A tagQuery selects taggings of a tag.
type tagQuery struct {
	event   int // 0: now
	inherit bool
	latest  bool
	pkg     *pkg // nil: all
}

// listing returns the taggings that q selects: package by package in the order
// of their names as Koji has it, the newest tagging first.
func (w *System) listing(t *tag, q tagQuery) []*tagging {
	event := q.event
	if event == 0 {
		event = w.lastEvent()
	}
	tags := []*tag{t}
	if q.inherit {
		tags = t.order()
	}
	var out []*tagging
	if q.pkg != nil {
		return appendListing(out, tags, q.pkg, event, q.latest)
	}
	for i := len(w.packages) - 1; i >= 0; i-- {
		out = appendListing(out, tags, w.packages[i], event, q.latest)
	}
	return out
}

func appendListing(out []*tagging, tags []*tag, p *pkg, event int, latest bool) []*tagging {
	if isBlocked(tags, p) {
		return out
	}
	for _, t := range tags {
		gs := t.byPkg[p.id]
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

// isBlocked reports whether the nearest tag that lists p blocks it.
func isBlocked(tags []*tag, p *pkg) bool {
	for _, t := range tags {
		if l := t.pkgs[p.id]; l != nil {
			return l.blocked
		}
	}
	return false
}

// latestBuild is the build of p that counts in t at event, nil without one.
func (t *tag) latestBuild(p *pkg, event int) *build { return latestBuildIn(t.order(), p, event) }

// latestBuildIn is latestBuild of a tag with that order.
func latestBuildIn(order []*tag, p *pkg, event int) *build {
	g := appendListing(nil, order, p, event, true)
	if len(g) == 0 {
		return nil
	}
	return g[0].build
}

// addGroup makes a group of a tag.
func (w *System) addGroup(t *tag, name, description string) *group {
	w.groups++
	g := &group{id: w.groups, name: name, description: description, created: w.newEvent()}
	t.groups = append(t.groups, g)
	t.touch(g.created)
	return g
}

// groupByName finds a group of the tag or its parents; nil if there is none.
func (t *tag) groupByName(name string) *group {
	for _, a := range t.order() {
		for _, g := range a.groups {
			if g.name == name {
				return g
			}
		}
	}
	return nil
}

// groupPackages are the packages that installing the group brings in by name:
// its mandatory and default members and those of the groups it requires.
func (g *group) groupPackages() []groupMember {
	var out []groupMember
	var visit func(g *group)
	seen := map[*group]bool{}
	visit = func(g *group) {
		if seen[g] {
			return
		}
		seen[g] = true
		for _, m := range g.members {
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
		for _, n := range g.requires {
			visit(n.group)
		}
	}
	visit(g)
	return out
}

// externalOf finds an external repo by name or id; nil if there is none.
func (w *System) externalOf(info any) *externalRepo {
	for _, r := range w.external {
		if info == r.name || info == int64(r.id) {
			return r
		}
	}
	return nil
}

// addExternalRepo makes an external repo known.
func (w *System) addExternalRepo(name, url string) *externalRepo {
	if !strings.HasSuffix(url, "/") {
		url += "/"
	}
	r := &externalRepo{id: len(w.external) + 1, name: name, url: url}
	w.external = append(w.external, r)
	w.newEvent()
	return r
}
