package kojisim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// packagers are the people who work on a distribution: they update packages,
// break some, repair them, add new ones and retire old ones.
type packagers struct {
	w     *World
	user  *user
	admin *user
	dest  *tag
	build *tag
	luck  draw
	mean  time.Duration // between two updates
	added int
	keep  bool          // the releases are not ours to count: bump them by a suffix
	core  map[*pkg]bool // what every buildroot needs: its interfaces stay
}

// releaseAll imports the first build of every draft.
func (s *packagers) releaseAll(drafts []*draft) {
	w := s.w
	for _, d := range drafts {
		p := w.newPackage(d.name)
		w.addPackage(s.dest, p, s.user)
		b := w.importBuild(p, d.evr, d.content, s.admin)
		w.tagBuild(s.dest, b, s.admin)
		if s.luck.chance(0.05) {
			w.truth.flaky[p.name] = 0.05 + 0.3*s.luck.fraction()
		}
	}
	w.newRepoTask(s.build, w.userByName("kojira"), []any{s.build.name}, 0)
	w.advance(w.now.Add(time.Hour))
}

// findCore notes which packages the buildroot group and the compilers bring in.
func (s *packagers) findCore(names ...string) {
	l := s.w.look(s.build, s.w.lastEvent())
	for _, m := range s.build.groupByName("build").groupPackages() {
		names = append(names, m.name)
	}
	l.unmet(named(names...))
	of := map[*rpm.Package]*pkg{}
	for _, b := range s.w.builds {
		for _, q := range b.binaries {
			of[q] = b.pkg
		}
	}
	s.core = map[*pkg]bool{}
	for q := range l.seen {
		if p := of[q]; p != nil {
			s.core[p] = true
		}
	}
}

// rebuildAll has every package built once at some time of the history.
func (s *packagers) rebuildAll(history time.Duration) {
	for _, p := range s.w.packages {
		s.w.after(s.luck.between(time.Hour, history-2*time.Hour), func() { s.rebuild(p, nil) })
	}
}

// startWork begins the packagers' days.
func (s *packagers) startWork(updatesADay float64) {
	s.mean = time.Duration(float64(24*time.Hour) / updatesADay)
	s.w.after(s.luck.waiting(s.mean), s.work)
}

// work is one update and the wait for the next.
func (s *packagers) work() {
	s.w.after(s.luck.waiting(s.mean), s.work)
	p := s.anyPackage()
	if p == nil {
		return
	}
	switch n := s.luck.below(100); {
	case n < 30:
		s.rebuild(p, nil)
	case n < 58:
		s.bump(p, nil)
	case n < 70 && s.keep:
		s.renameLibrary()
	case n < 70:
		s.bumpSoname()
	case n < 80:
		s.breakSource(p)
	case n < 94:
		s.breakDependents(p)
	case n < 97:
		s.addNew()
	default:
		s.retire()
	}
}

// anyPackage draws a package that has a build.
func (s *packagers) anyPackage() *pkg {
	for range 20 {
		p := pick(&s.luck, s.w.packages)
		if s.latest(p) != nil {
			return p
		}
	}
	return nil
}

func (s *packagers) latest(p *pkg) *build { return s.dest.latestBuild(p, s.w.lastEvent()) }

// rebuild builds the same version again under the next release.
func (s *packagers) rebuild(p *pkg, done func(bool)) {
	if b := s.newest(p); b != nil {
		s.submit(p, rpm.EVR{Epoch: b.evr.Epoch, Version: b.evr.Version, Release: s.nextRelease(b.evr.Release)}, b, done)
	}
}

// newest is the build of p with the highest number that is or will be tagged.
func (s *packagers) newest(p *pkg) *build {
	var best *build
	for _, b := range p.builds {
		if b.state <= buildComplete && (best == nil || b.evr.Order(best.evr) > 0) {
			best = b
		}
	}
	if best == nil || isBlocked(s.dest.order(), p) {
		return nil
	}
	return best
}

// nextRelease counts a release up: 3.fc44 becomes 4.fc44, and, where releases
// are not ours, 3 becomes 3.1.
func (s *packagers) nextRelease(release string) string {
	if s.keep {
		base, minor, ours := strings.Cut(release, "+r")
		n, _ := strconv.Atoi(minor)
		if !ours {
			base = release
		}
		return base + "+r" + strconv.Itoa(n+1)
	}
	head, tail, _ := strings.Cut(release, ".")
	n, _ := strconv.Atoi(head)
	return strconv.Itoa(n+1) + "." + tail
}

// nextVersion counts the last number of a version up.
func nextVersion(version string) string {
	i := len(version)
	for i > 0 && version[i-1] >= '0' && version[i-1] <= '9' {
		i--
	}
	n, err := strconv.Atoi(version[i:])
	if err != nil {
		return version + ".1"
	}
	return version[:i] + strconv.Itoa(n+1)
}

// bump builds a new version and returns what it will be.
func (s *packagers) bump(p *pkg, done func(bool)) (rpm.EVR, bool) {
	b := s.newest(p)
	if b == nil {
		return rpm.EVR{}, false
	}
	evr := rpm.EVR{Epoch: b.evr.Epoch, Version: nextVersion(b.evr.Version), Release: "1" + distSuffix}
	if s.keep {
		evr = rpm.EVR{Epoch: b.evr.Epoch, Version: b.evr.Version, Release: s.nextRelease(b.evr.Release)}
	}
	s.submit(p, evr, b, done)
	return evr, true
}

// submit has a version built from what b was built from. A build that fails is
// tried again some hours later.
func (s *packagers) submit(p *pkg, evr rpm.EVR, b *build, done func(bool)) {
	s.submitContent(p, evr, s.renewed(b, evr), func(ok bool) {
		if !ok {
			s.w.after(s.luck.between(2*time.Hour, 5*time.Hour), func() { s.rebuild(p, done) })
			return
		}
		if done != nil {
			done(true)
		}
	})
}

func (s *packagers) submitContent(p *pkg, evr rpm.EVR, c content, done func(bool)) {
	s.w.submitUpdate(s.user, s.target(), &update{pkg: p, evr: evr, content: c, done: done})
}

func (s *packagers) target() string {
	for _, g := range s.w.targets {
		if g.build == s.build {
			return g.name
		}
	}
	return ""
}

// renewed is what building b's source as evr yields now: its own packages get
// the new version, and what they link to is what the build tag has today.
func (s *packagers) renewed(b *build, evr rpm.EVR) content {
	c := b.content
	c.binaries = make([]*rpm.Package, len(b.binaries))
	l := s.w.look(s.build, s.w.lastEvent())
	for i, old := range b.binaries {
		p := *old
		p.EVR = s.renewedEVR(old.EVR, b.evr, evr)
		p.Provides = slices.Clone(old.Provides)
		for j, r := range p.Provides {
			if r.Op == rpm.Equal && sameEVR(r.EVR, old.EVR) {
				p.Provides[j].EVR = p.EVR
			} else if r.Op == rpm.Equal && r.EVR.Release == "" && r.EVR.Version == b.evr.Version {
				p.Provides[j].EVR.Version = evr.Version
			}
		}
		p.Requires = slices.Clone(old.Requires)
		for j, r := range p.Requires {
			p.Requires[j] = s.renewedNeed(l, b, evr, r)
		}
		c.binaries[i] = &p
	}
	c.requires = slices.Clone(b.requires)
	for i, r := range c.requires {
		c.requires[i] = relink(l, r)
	}
	return c
}

func sameEVR(a, b rpm.EVR) bool {
	return a.Epoch == b.Epoch && a.Version == b.Version && a.Release == b.Release
}

// renewedEVR is the new version of a binary package. It may differ from its
// source's; then its release follows along.
func (s *packagers) renewedEVR(old, source, evr rpm.EVR) rpm.EVR {
	if sameEVR(old, source) {
		return evr
	}
	return rpm.EVR{Epoch: old.Epoch, Version: old.Version, Release: s.nextRelease(old.Release)}
}

// renewedNeed is a requirement after a rebuild.
func (s *packagers) renewedNeed(l *look, b *build, evr rpm.EVR, r rpm.Relation) rpm.Relation {
	for _, p := range b.binaries {
		if p.Name == r.Name && r.Op&rpm.Equal != 0 && sameEVR(r.EVR, p.EVR) {
			r.EVR = s.renewedEVR(p.EVR, b.evr, evr)
			return r
		}
	}
	return relink(l, r)
}

// relink replaces a requirement that nothing provides any more by what has
// taken its place: another soname of the same library, or another version.
func relink(l *look, r rpm.Relation) rpm.Relation {
	if uncheckable(r.Name) || len(l.candidates(r)) > 0 {
		return r
	}
	if others := l.candidates(rpm.Relation{Name: r.Name}); r.Op != 0 && len(others) > 0 {
		evr := others[0].evr
		return rpm.Relation{Name: r.Name, Op: rpm.Greater | rpm.Equal, EVR: rpm.EVR{Epoch: evr.Epoch, Version: evr.Version}}
	}
	if renamed := (rpm.Relation{Name: r.Name + renameSuffix}); len(l.candidates(renamed)) > 0 {
		return renamed
	}
	stem, number, ok := splitSoname(r.Name)
	if !ok {
		return r
	}
	for n := number + 1; n < number+50; n++ {
		next := rpm.Relation{Name: sonameOf(stem, n)}
		if len(l.candidates(next)) > 0 {
			return next
		}
	}
	return r
}

// splitSoname takes libfoo.so.3()(64bit) apart.
func splitSoname(name string) (stem string, number int, ok bool) {
	rest, found := strings.CutSuffix(name, "()(64bit)")
	i := strings.LastIndex(rest, ".so.")
	if !found || i < 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(rest[i+len(".so."):])
	return rest[:i+len(".so.")], n, err == nil
}

func sonameOf(stem string, number int) string { return stem + strconv.Itoa(number) + "()(64bit)" }

// bumpSoname updates a library so that all that links to it must be rebuilt,
// which its dependents are in the following hours.
func (s *packagers) bumpSoname() {
	p := s.anyLibrary()
	if p == nil {
		return
	}
	b := s.newest(p)
	if b == nil {
		return
	}
	var old []string
	evr := rpm.EVR{Epoch: b.evr.Epoch, Version: nextVersion(b.evr.Version), Release: "1" + distSuffix}
	c := s.renewed(b, evr)
	for _, q := range c.binaries {
		for i, r := range q.Provides {
			if stem, n, ok := splitSoname(r.Name); ok {
				old = append(old, r.Name)
				q.Provides[i].Name = sonameOf(stem, n+1)
			}
		}
	}
	s.submitContent(p, evr, c, func(ok bool) {
		if !ok {
			return
		}
		for _, dependent := range s.dependents(old) {
			s.w.after(s.luck.between(time.Hour, 9*time.Hour), func() { s.rebuild(dependent, nil) })
		}
	})
}

// renameSuffix is what a library's package gets when its interface changes and
// the package's name stands for the interface.
const renameSuffix = "v2"

// renameLibrary does what bumpSoname does where packages are required by name.
func (s *packagers) renameLibrary() {
	for range 40 {
		p := pick(&s.luck, s.w.packages)
		b := s.latest(p)
		if b == nil || s.core[p] {
			continue
		}
		i := slices.IndexFunc(b.binaries, func(q *rpm.Package) bool {
			return strings.HasPrefix(q.Name, "lib") && q.Arch != "noarch" && !strings.HasSuffix(q.Name, "-dev")
		})
		if i < 0 {
			continue
		}
		old := b.binaries[i].Name
		if n := len(s.dependents([]string{old})); n < 2 || n > 40 {
			continue
		}
		s.rename(p, i, old)
		return
	}
}

// rename builds p with the binary package i renamed; its own packages follow.
func (s *packagers) rename(p *pkg, i int, old string) {
	b := s.newest(p)
	if b == nil || i >= len(b.binaries) || b.binaries[i].Name != old {
		return
	}
	evr := rpm.EVR{Epoch: b.evr.Epoch, Version: b.evr.Version, Release: s.nextRelease(b.evr.Release)}
	c := s.renewed(b, evr)
	c.binaries[i].Name = old + renameSuffix
	for _, q := range c.binaries {
		for _, list := range [][]rpm.Relation{q.Provides, q.Requires} {
			for j := range list {
				if list[j].Name == old {
					list[j].Name = old + renameSuffix
				}
			}
		}
	}
	s.submitContent(p, evr, c, func(ok bool) {
		if !ok {
			return
		}
		for _, dependent := range s.dependents([]string{old}) {
			s.w.after(s.luck.between(2*time.Hour, 20*time.Hour), func() { s.rebuild(dependent, nil) })
		}
	})
}

// anyLibrary draws a library on which some, but not very many depend.
func (s *packagers) anyLibrary() *pkg {
	for range 40 {
		p := pick(&s.luck, s.w.packages)
		b := s.latest(p)
		if b == nil || s.core[p] {
			continue
		}
		for _, q := range b.binaries {
			for _, r := range q.Provides {
				if _, _, ok := splitSoname(r.Name); ok {
					if n := len(s.dependents([]string{r.Name})); n > 0 && n < 12+len(s.w.packages)/100 {
						return p
					}
				}
			}
		}
	}
	return nil
}

// dependents are the packages whose binaries require one of names.
func (s *packagers) dependents(names []string) []*pkg {
	return s.users(s.w.requiredBy, names, func(b *build, name string) bool {
		return slices.ContainsFunc(b.binaries, func(q *rpm.Package) bool { return requires(q.Requires, name) })
	})
}

func requires(rs []rpm.Relation, name string) bool {
	return slices.ContainsFunc(rs, func(r rpm.Relation) bool { return r.Name == name })
}

// users are the packages in an index that still use one of names, by id.
func (s *packagers) users(index map[string][]*pkg, names []string, uses func(*build, string) bool) []*pkg {
	var out []*pkg
	for _, name := range names {
		for _, p := range index[name] {
			if b := s.latest(p); b != nil && uses(b, name) {
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, func(a, b *pkg) int { return a.id - b.id })
	return slices.Compact(out)
}

// builtWith are the packages that are built with one of a build's binaries, and
// with which.
func (s *packagers) builtWith(b *build) ([]*pkg, map[*pkg]string) {
	binary := map[*pkg]string{}
	var out []*pkg
	for _, q := range b.binaries {
		for _, r := range q.Provides {
			users := s.users(s.w.builtBy, []string{r.Name}, func(d *build, name string) bool {
				return d.pkg != b.pkg && requires(d.requires, name)
			})
			for _, p := range users {
				if binary[p] == "" {
					binary[p] = q.Name
					out = append(out, p)
				}
			}
		}
	}
	return out, binary
}

// breakSource updates a package to a version that does not build again, until
// somebody repairs it.
func (s *packagers) breakSource(p *pkg) {
	evr, ok := s.bump(p, nil)
	if !ok {
		return
	}
	s.w.breakWith(Breakage{Package: p.name, From: evr, Message: pick(&s.luck, sourceMessages())})
	s.planRepair(p)
}

// breakDependents updates a package in a way that some of those built with it
// do not bear.
func (s *packagers) breakDependents(p *pkg) {
	b := s.latest(p)
	if b == nil {
		return
	}
	victims, with := s.builtWith(b)
	evr, ok := s.bump(p, nil)
	if !ok || len(victims) == 0 {
		return
	}
	for _, v := range pickFew(&s.luck, victims, 1+s.luck.below(3)) {
		was := s.newest(v)
		if was == nil {
			continue
		}
		// The binary package's version may not be the source's.
		from := evr
		for _, q := range b.binaries {
			if q.Name == with[v] && !sameEVR(q.EVR, b.evr) {
				from = s.renewedEVR(q.EVR, b.evr, evr)
			}
		}
		s.w.breakWith(Breakage{
			Package: v.name, From: was.evr, Dependency: with[v], DependencyFrom: from,
			Message: pick(&s.luck, dependencyMessages(p.name)),
		})
		s.planRepair(v)
	}
}

// planRepair has a package repaired by a new version some time later.
func (s *packagers) planRepair(p *pkg) {
	s.w.after(s.luck.between(14*time.Hour, 48*time.Hour), func() {
		if evr, ok := s.bump(p, nil); ok {
			s.w.repair(p.name, evr)
		}
	})
}

func sourceMessages() []string {
	return []string{
		"implicit declaration of function 'strlcpy'",
		"'PATH_MAX' undeclared here (not in a function)",
		"expected ';' before '}' token",
		"static assertion failed: \"size of header\"",
		"test suite: expected 42, got 41",
	}
}

func dependencyMessages(name string) []string {
	return []string{
		"too few arguments to function '" + name + "_open'",
		"'" + name + "_context_t' has no member named 'flags'",
		name + ".h: No such file or directory",
		"undefined reference to '" + name + "_legacy_init'",
		"test of " + name + " output: mismatch",
	}
}

// addNew brings a package that was not there before.
func (s *packagers) addNew() {
	like := s.anyPackage()
	if like == nil {
		return
	}
	b := s.latest(like)
	s.added++
	name := "new-" + like.name + "-" + strconv.Itoa(s.added)
	evr := rpm.EVR{Version: "0." + strconv.Itoa(s.added) + ".0", Release: "1" + distSuffix}
	d := &draft{name: name, evr: evr}
	d.requires, d.buildArchs = b.requires, b.buildArchs
	arch := "x86_64"
	if len(b.binaries) > 0 {
		arch = b.binaries[0].Arch
	}
	q := d.binary(name, arch)
	if len(b.binaries) > 0 {
		q.Requires = b.binaries[0].Requires
	}
	p := s.w.newPackage(name)
	s.w.addPackage(s.dest, p, s.user)
	s.submitContent(p, evr, d.content, nil)
}

// retire blocks a package that nothing needs.
func (s *packagers) retire() {
	for range 30 {
		p := s.anyPackage()
		if p == nil || s.core[p] {
			continue
		}
		b := s.latest(p)
		var names []string
		for _, q := range b.binaries {
			for _, r := range q.Provides {
				names = append(names, r.Name)
			}
		}
		if built, _ := s.builtWith(b); len(built) == 0 && s.leaf(p, names) {
			s.w.blockPackage(s.dest, p, true)
			return
		}
	}
}

// leaf reports whether no other package requires one of names.
func (s *packagers) leaf(p *pkg, names []string) bool {
	for _, d := range s.dependents(names) {
		if d != p {
			return false
		}
	}
	return true
}
