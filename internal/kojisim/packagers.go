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
	user  *User
	admin *User
	dest  *Tag
	build *Tag
	luck  draw.Draw
	mean  time.Duration // between two updates
	added int
	keep  bool              // the releases are not ours to count: bump them by a suffix
	core  map[*Package]bool // what every buildroot needs: its interfaces stay
}

// releaseAll imports the first build of every draft.
func (s *packagers) releaseAll(drafts []*draft) {
	w := s.w
	for _, d := range drafts {
		p := w.NewPackage(d.name)
		w.AddPackage(s.dest, p, s.user)
		b := w.ImportBuild(p, d.evr, d.Content, s.admin)
		w.TagBuild(s.dest, b, s.admin)
		if s.luck.Chance(0.05) {
			w.MakeFlaky(p.Name, 0.05+0.3*s.luck.Fraction())
		}
	}
	w.NewRepoTask(s.build, w.UserByName("kojira"), []any{s.build.Name}, 0)
	w.advance(w.Now.Add(time.Hour))
}

// findCore notes which packages the buildroot group and the compilers bring in.
func (s *packagers) findCore(names ...string) {
	l := s.w.Look(s.build, s.w.LastEvent())
	for _, m := range s.build.GroupByName("build").AllMembers() {
		names = append(names, m.Name)
	}
	l.Unmet(named(names...))
	s.core = map[*Package]bool{}
	for _, b := range s.w.Builds {
		if slices.ContainsFunc(b.Binaries, l.seen) {
			s.core[b.Package] = true
		}
	}
}

// rebuildAll has every package built once at some time of the history.
func (s *packagers) rebuildAll(history time.Duration) {
	for _, p := range s.w.Packages {
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
func (s *packagers) anyPackage() *Package {
	for range 20 {
		p := draw.Pick(&s.luck, s.w.Packages)
		if s.latest(p) != nil {
			return p
		}
	}
	return nil
}

func (s *packagers) latest(p *Package) *Build { return s.dest.LatestBuild(p, s.w.LastEvent()) }

// rebuild builds the same version again under the next release.
func (s *packagers) rebuild(p *Package, done func(bool)) {
	if b := s.newest(p); b != nil {
		s.submit(p, rpm.EVR{Epoch: b.EVR.Epoch, Version: b.EVR.Version, Release: s.nextRelease(b.EVR.Release)}, b, done)
	}
}

// newest is the build of p with the highest number that is or will be tagged.
func (s *packagers) newest(p *Package) *Build {
	var best *Build
	for _, b := range p.Builds {
		if b.State <= BuildComplete && (best == nil || b.EVR.Order(best.EVR) > 0) {
			best = b
		}
	}
	if best == nil || IsBlocked(s.dest.Order(), p) {
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
func (s *packagers) bump(p *Package) (rpm.EVR, bool) {
	b := s.newest(p)
	if b == nil {
		return rpm.EVR{}, false
	}
	evr := rpm.EVR{Epoch: b.EVR.Epoch, Version: nextVersion(b.EVR.Version), Release: "1" + distSuffix}
	if s.keep {
		evr = rpm.EVR{Epoch: b.EVR.Epoch, Version: b.EVR.Version, Release: s.nextRelease(b.EVR.Release)}
	}
	s.submit(p, evr, b, nil)
	return evr, true
}

// submit has a version built from what b was built from. A build that fails is
// tried again some hours later.
func (s *packagers) submit(p *Package, evr rpm.EVR, b *Build, done func(bool)) {
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

func (s *packagers) submitContent(p *Package, evr rpm.EVR, c Content, done func(bool)) {
	if s.w.holiday {
		return
	}
	s.w.submitUpdate(s.user, s.target(), &update{pkg: p, evr: evr, content: c, done: done})
}

func (s *packagers) target() string {
	for _, g := range s.w.Targets {
		if g.Build == s.build {
			return g.Name
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
	name := "new-" + like.Name + "-" + strconv.Itoa(s.added)
	evr := rpm.EVR{Version: "0." + strconv.Itoa(s.added) + ".0", Release: "1" + distSuffix}
	d := &draft{name: name, evr: evr}
	d.Requires, d.BuildArchs = b.Requires, b.BuildArchs
	arch := "x86_64"
	if len(b.Binaries) > 0 {
		arch = b.Binaries[0].Arch
	}
	q := d.binary(name, arch)
	if len(b.Binaries) > 0 {
		q.Requires = b.Binaries[0].Requires
	}
	p := s.w.NewPackage(name)
	s.w.AddPackage(s.dest, p, s.user)
	s.submitContent(p, evr, d.Content, nil)
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
		for _, q := range b.Binaries {
			for _, r := range q.Provides {
				names = append(names, r.Name)
			}
		}
		if built, _ := s.builtWith(b); len(built) == 0 && s.leaf(p, names) {
			s.w.BlockPackage(s.dest, p, true)
			return
		}
	}
}

// leaf reports whether no other package requires one of names.
func (s *packagers) leaf(p *Package, names []string) bool {
	for _, d := range s.dependents(names) {
		if d != p {
			return false
		}
	}
	return true
}
