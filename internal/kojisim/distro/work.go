package distro

import (
	"slices"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

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
	w.Advance(w.Now.Add(time.Hour))
}

// findCore notes which packages the buildroot group and the compilers bring in.
func (s *packagers) findCore(names ...string) {
	l := s.w.Look(s.build, s.w.LastEvent())
	for _, m := range s.build.GroupByName("build").AllMembers() {
		names = append(names, m.Name)
	}
	l.Unmet(named(names...))
	s.core = map[*kojisim.Package]bool{}
	for _, b := range s.w.Builds {
		if slices.ContainsFunc(b.Binaries, l.Seen) {
			s.core[b.Package] = true
		}
	}
}

// rebuildAll has every package built once at some time of the history.
func (s *packagers) rebuildAll(history time.Duration) {
	for _, p := range s.w.Packages {
		s.w.After(s.luck.Between(time.Hour, history-2*time.Hour), func() { s.rebuild(p, nil) })
	}
}

// startWork begins the packagers' days.
func (s *packagers) startWork(updatesADay float64) {
	s.mean = time.Duration(float64(24*time.Hour) / updatesADay)
	s.w.After(s.luck.Waiting(s.mean), s.work)
}

// work is one update and the wait for the next.
func (s *packagers) work() {
	if s.w.Holiday {
		return
	}
	s.w.After(s.luck.Waiting(s.mean), s.work)
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
func (s *packagers) leaf(p *kojisim.Package, names []string) bool {
	for _, d := range s.dependents(names) {
		if d != p {
			return false
		}
	}
	return true
}
