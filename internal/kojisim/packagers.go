package kojisim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// packagers are the people who work on a distribution: they update packages,
// break some, repair them, add new ones and retire old ones.
type packagers struct {
	w     *System
	user  *user
	admin *user
	dest  *tag
	build *tag
	luck  draw.Draw
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
		if s.luck.Chance(0.05) {
			w.makeFlaky(p.name, 0.05+0.3*s.luck.Fraction())
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
	s.core = map[*pkg]bool{}
	for _, b := range s.w.builds {
		if slices.ContainsFunc(b.binaries, l.seen) {
			s.core[b.pkg] = true
		}
	}
}

// rebuildAll has every package built once at some time of the history.
func (s *packagers) rebuildAll(history time.Duration) {
	for _, p := range s.w.packages {
		s.w.after(s.luck.Between(time.Hour, history-2*time.Hour), func() { s.rebuild(p, nil) })
	}
}

// startWork begins the packagers' days.
func (s *packagers) startWork(updatesADay float64) {
	s.mean = time.Duration(float64(24*time.Hour) / updatesADay)
	s.w.after(s.luck.Waiting(s.mean), s.work)
}

// work is one update and the wait for the next.
func (s *packagers) work() {
	if s.w.holiday {
		return
	}
	s.w.after(s.luck.Waiting(s.mean), s.work)
	p := s.anyPackage()
	if p == nil {
		return
	}
	switch n := s.luck.Below(100); {
	case n < 30:
		s.rebuild(p, nil)
	case n < 58:
		s.bump(p)
	case n < 68 && s.keep:
		s.renameLibrary()
	case n < 68:
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
		p := draw.Pick(&s.luck, s.w.packages)
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
func (s *packagers) bump(p *pkg) (rpm.EVR, bool) {
	b := s.newest(p)
	if b == nil {
		return rpm.EVR{}, false
	}
	evr := rpm.EVR{Epoch: b.evr.Epoch, Version: nextVersion(b.evr.Version), Release: "1" + distSuffix}
	if s.keep {
		evr = rpm.EVR{Epoch: b.evr.Epoch, Version: b.evr.Version, Release: s.nextRelease(b.evr.Release)}
	}
	s.submit(p, evr, b, nil)
	return evr, true
}

// submit has a version built from what b was built from. A build that fails is
// tried again some hours later.
func (s *packagers) submit(p *pkg, evr rpm.EVR, b *build, done func(bool)) {
	s.submitContent(p, evr, s.renewed(b, evr), func(ok bool) {
		if !ok {
			s.w.after(s.luck.Between(2*time.Hour, 5*time.Hour), func() { s.rebuild(p, done) })
			return
		}
		if done != nil {
			done(true)
		}
	})
}

func (s *packagers) submitContent(p *pkg, evr rpm.EVR, c content, done func(bool)) {
	if s.w.holiday {
		return
	}
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
