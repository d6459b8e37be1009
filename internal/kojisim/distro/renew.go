package distro

import (
	"slices"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// renameSuffix is what a library's package gets when its interface changes and
// the package's name stands for the interface.
const renameSuffix = "v2"

// renewed is what building b's source as evr yields now: its own packages get
// the new version, and what they link to is what the build tag has today.
func (s *packagers) renewed(b *kojisim.Build, evr rpm.EVR) kojisim.Content {
	c := b.Content
	c.Binaries = make([]*rpm.Package, len(b.Binaries))
	l := s.w.Look(s.build, s.w.LastEvent())
	for i, old := range b.Binaries {
		p := *old
		p.EVR = s.renewedEVR(old.EVR, b.EVR, evr)
		p.Provides = slices.Clone(old.Provides)
		for j, r := range p.Provides {
			if r.Op == rpm.Equal && sameEVR(r.EVR, old.EVR) {
				p.Provides[j].EVR = p.EVR
			} else if r.Op == rpm.Equal && r.EVR.Release == "" && r.EVR.Version == b.EVR.Version {
				p.Provides[j].EVR.Version = evr.Version
			}
		}
		p.Requires = slices.Clone(old.Requires)
		for j, r := range p.Requires {
			p.Requires[j] = s.renewedNeed(l, b, evr, r)
		}
		c.Binaries[i] = &p
	}
	c.Requires = slices.Clone(b.Requires)
	for i, r := range c.Requires {
		c.Requires[i] = relink(l, r)
	}
	return c
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
func (s *packagers) renewedNeed(l *kojisim.Look, b *kojisim.Build, evr rpm.EVR, r rpm.Relation) rpm.Relation {
	for _, p := range b.Binaries {
		if p.Name == r.Name && r.Op&rpm.Equal != 0 && sameEVR(r.EVR, p.EVR) {
			r.EVR = s.renewedEVR(p.EVR, b.EVR, evr)
			return r
		}
	}
	return relink(l, r)
}

// relink replaces a requirement that nothing provides any more by what has
// taken its place: another soname of the same library, or another version.
func relink(l *kojisim.Look, r rpm.Relation) rpm.Relation {
	if kojisim.Uncheckable(r.Name) || len(l.Candidates(r)) > 0 {
		return r
	}
	if others := l.Candidates(rpm.Relation{Name: r.Name}); r.Op != 0 && len(others) > 0 {
		evr := others[0].EVR
		if evr.Version == "" { // what provides the name now has no version of it
			return rpm.Relation{Name: r.Name}
		}
		return rpm.Relation{Name: r.Name, Op: rpm.Greater | rpm.Equal, EVR: rpm.EVR{Epoch: evr.Epoch, Version: evr.Version}}
	}
	if renamed := (rpm.Relation{Name: r.Name + renameSuffix}); len(l.Candidates(renamed)) > 0 {
		return renamed
	}
	stem, number, ok := splitSoname(r.Name)
	if !ok {
		return r
	}
	for n := number + 1; n < number+50; n++ {
		next := rpm.Relation{Name: sonameOf(stem, n)}
		if len(l.Candidates(next)) > 0 {
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
