package kojisim

import (
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// provide enters what a build offers into the world's index; once is enough.
func (w *System) provide(b *Build) {
	if b.provided {
		return
	}
	b.provided = true
	for _, p := range b.Binaries {
		w.Offer(b, p)
		noteUser(w.RequiredBy, p.Requires, b.Package)
	}
	noteUser(w.BuiltBy, b.Requires, b.Package)
}

// noteUser enters who uses names; an entry stays when the use ends.
func noteUser(index map[string][]*Package, rs []rpm.Relation, p *Package) {
	for _, r := range rs {
		if users := index[r.Name]; len(users) == 0 || users[len(users)-1] != p {
			index[r.Name] = append(users, p)
		}
	}
}

// Offer enters one package; b is nil if it belongs to no build.
func (w *System) Offer(b *Build, p *rpm.Package) {
	self := false
	for _, r := range p.Provides {
		self = self || r.Name == p.Name
		w.providers[r.Name] = append(w.providers[r.Name], provider{b, p, r.Op, r.EVR})
	}
	if !self {
		w.providers[p.Name] = append(w.providers[p.Name], provider{b, p, rpm.Equal, p.EVR})
	}
}

// An installability is what a look knows of a package.
type installability int8

const (
	_ installability = iota
	looking
	installable
	uninstallable
)

// A Look is a walk over what a buildroot would hold.
type Look struct {
	w      *System
	tag    *Tag
	event  int
	order  []*Tag // the tag's
	latest map[*Package]*Build
	state  map[*rpm.Package]installability

	merged []*Look // at all repos that are looked at as one, this among them; nil: only this
}

// Look begins a walk over what a buildroot of the tag would hold at event.
func (w *System) Look(t *Tag, event int) *Look {
	return &Look{
		w: w, tag: t, event: event, order: t.Order(),
		latest: map[*Package]*Build{}, state: map[*rpm.Package]installability{},
	}
}

// has reports whether the repo of the tag itself has a provider.
func (l *Look) has(p provider) bool {
	if p.build == nil {
		return true
	}
	latest, known := l.latest[p.build.Package]
	if !known {
		latest = LatestBuildIn(l.order, p.build.Package, l.event)
		l.latest[p.build.Package] = latest
	}
	return latest == p.build
}

// Unmet returns the first of rs that nothing installable provides.
func (l *Look) Unmet(rs []rpm.Relation) (rpm.Relation, bool) {
	for _, r := range rs {
		if !l.met(r) {
			return r, true
		}
	}
	return rpm.Relation{}, false
}

// met reports whether something installable provides r. File and boolean
// dependencies count as met: metadata here lists too few files for the one,
// and the other takes a solver.
func (l *Look) met(r rpm.Relation) bool {
	if Uncheckable(r.Name) {
		return true
	}
	if l.merged == nil {
		return l.provided(r)
	}
	for _, one := range l.merged {
		if one.provided(r) {
			return true
		}
	}
	return false
}

// provided reports whether something installable in the tag itself provides r.
func (l *Look) provided(r rpm.Relation) bool {
	for _, p := range l.w.providers[r.Name] {
		if offers(p, r) && l.has(p) && l.installable(p.Package) {
			return true
		}
	}
	return false
}

// Uncheckable reports whether a name always counts as met: files and boolean dependencies do.
func Uncheckable(name string) bool {
	return strings.HasPrefix(name, "/") || strings.HasPrefix(name, "(") || strings.HasPrefix(name, "rpmlib(")
}

// Candidates are the packages in the repo that provide r.
func (l *Look) Candidates(r rpm.Relation) []provider {
	looks := l.merged
	if looks == nil {
		looks = []*Look{l}
	}
	var out []provider
	for _, one := range looks {
		for _, p := range one.w.providers[r.Name] {
			if offers(p, r) && one.has(p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// installable reports whether all that p requires is met. What is required in a
// circle is taken for installable.
func (l *Look) installable(p *rpm.Package) bool {
	if known := l.state[p]; known != 0 {
		return known != uninstallable
	}
	l.state[p] = looking
	_, bad := l.Unmet(p.Requires)
	if l.state[p] = installable; bad {
		l.state[p] = uninstallable
	}
	return !bad
}

// unwanted returns the first of rs that something provides to which the walk has
// come: a buildroot has it, unless there is something else in its place.
func (l *Look) unwanted(rs []rpm.Relation) (rpm.Relation, bool) {
	for _, r := range rs {
		for _, p := range l.Candidates(r) {
			if l.Seen(p.Package) {
				return r, true
			}
		}
	}
	return rpm.Relation{}, false
}

// Seen reports whether the walk has come to p.
func (l *Look) Seen(p *rpm.Package) bool { return l.state[p] != 0 }

// offers reports whether p's version range meets r's.
func offers(p provider, r rpm.Relation) bool {
	if r.Op == 0 {
		return true
	}
	if p.op == 0 {
		return false
	}
	switch c := p.EVR.Compare(r.EVR); {
	case c < 0:
		return r.Op&rpm.Less != 0 || p.op&rpm.Greater != 0
	case c > 0:
		return r.Op&rpm.Greater != 0 || p.op&rpm.Less != 0
	default:
		return r.Op&p.op != 0
	}
}

// InstalledIn returns the EVR of the binary package name in a tag at event.
func (w *System) InstalledIn(t *Tag, name string, event int) (rpm.EVR, bool) {
	l := w.Look(t, event)
	for _, p := range w.providers[name] {
		if p.Package.Name == name && l.has(p) {
			return p.Package.EVR, true
		}
	}
	return rpm.EVR{}, false
}

// brokenGroup returns what keeps the group of the buildroot from being
// installed. A member that does not exist is passed over, as mock does.
func (l *Look) brokenGroup() (rpm.Relation, bool) {
	g := l.tag.GroupByName("build")
	if g == nil {
		return rpm.Relation{}, false
	}
	for _, m := range g.AllMembers() {
		name := rpm.Relation{Name: m.Name}
		if m.Kind != "optional" && len(l.Candidates(name)) > 0 && !l.met(name) {
			return name, true
		}
	}
	return rpm.Relation{}, false
}
