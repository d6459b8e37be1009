package distro

import (
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/rpm"
)

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
	evr := rpm.EVR{Epoch: b.EVR.Epoch, Version: nextVersion(b.EVR.Version), Release: "1" + distSuffix}
	c := s.renewed(b, evr)
	for _, q := range c.Binaries {
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
			s.w.After(s.luck.Between(time.Hour, 9*time.Hour), func() { s.rebuild(dependent, nil) })
		}
	})
}

// renameLibrary does what bumpSoname does where packages are required by name.
func (s *packagers) renameLibrary() {
	for range 40 {
		p := draw.Pick(&s.luck, s.w.Packages)
		b := s.latest(p)
		if b == nil || s.core[p] {
			continue
		}
		i := slices.IndexFunc(b.Binaries, func(q *rpm.Package) bool {
			return strings.HasPrefix(q.Name, "lib") && q.Arch != "noarch" && !strings.HasSuffix(q.Name, "-dev")
		})
		if i < 0 {
			continue
		}
		old := b.Binaries[i].Name
		if n := s.affected([]string{old}, 60); n == 0 || n > 60 {
			continue
		}
		s.rename(p, i, old)
		return
	}
}

// rename builds p with the binary package i renamed; its own packages follow.
func (s *packagers) rename(p *kojisim.Package, i int, old string) {
	b := s.newest(p)
	if b == nil || i >= len(b.Binaries) || b.Binaries[i].Name != old {
		return
	}
	evr := rpm.EVR{Epoch: b.EVR.Epoch, Version: b.EVR.Version, Release: s.nextRelease(b.EVR.Release)}
	c := s.renewed(b, evr)
	c.Binaries[i].Name = old + renameSuffix
	for _, q := range c.Binaries {
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
			s.w.After(s.luck.Between(2*time.Hour, 20*time.Hour), func() { s.rebuild(dependent, nil) })
		}
	})
}

// affected counts the packages that cannot be built any more once nothing
// provides names; it stops counting above most.
func (s *packagers) affected(names []string, most int) int {
	broken := map[*kojisim.Package]bool{}
	hit := map[*kojisim.Package]bool{}
	for len(names) > 0 && len(hit) <= most {
		var next []string
		for _, p := range s.dependents(names) {
			if broken[p] {
				continue
			}
			broken[p] = true
			for _, q := range s.latest(p).Binaries {
				for _, r := range q.Provides {
					next = append(next, r.Name)
				}
			}
			users, _ := s.builtWith(s.latest(p))
			for _, u := range users {
				hit[u] = true
			}
		}
		names = next
	}
	return len(hit)
}

// anyLibrary draws a library on which some, but not very many depend.
func (s *packagers) anyLibrary() *kojisim.Package {
	for range 40 {
		p := draw.Pick(&s.luck, s.w.Packages)
		b := s.latest(p)
		if b == nil || s.core[p] {
			continue
		}
		for _, q := range b.Binaries {
			for _, r := range q.Provides {
				if _, _, ok := splitSoname(r.Name); ok {
					most := 6 + len(s.w.Packages)/12
					if n := s.affected([]string{r.Name}, most); n > 0 && n <= most {
						return p
					}
				}
			}
		}
	}
	return nil
}
