package distro

import (
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/draw"
)

// breakSource updates a package to a version that does not build again, until
// somebody repairs it.
func (s *packagers) breakSource(p *kojisim.Package) {
	evr, ok := s.bump(p)
	if !ok {
		return
	}
	s.w.Break(kojisim.Breakage{Package: p.Name, From: evr, Message: draw.Pick(&s.luck, sourceMessages())})
	s.planRepair(p)
}

// breakDependents updates a package in a way that some of those built with it
// do not bear.
func (s *packagers) breakDependents(p *kojisim.Package) {
	b := s.latest(p)
	if b == nil {
		return
	}
	victims, with := s.builtWith(b)
	evr, ok := s.bump(p)
	if !ok || len(victims) == 0 {
		return
	}
	for _, v := range draw.Few(&s.luck, victims, 1+s.luck.Below(3)) {
		was := s.newest(v)
		if was == nil {
			continue
		}
		// The binary package's version may not be the source's.
		from := evr
		for _, q := range b.Binaries {
			if q.Name == with[v] && !sameEVR(q.EVR, b.EVR) {
				from = s.renewedEVR(q.EVR, b.EVR, evr)
			}
		}
		s.w.Break(kojisim.Breakage{
			Package: v.Name, From: was.EVR, Dependency: with[v], DependencyFrom: from,
			Message: draw.Pick(&s.luck, dependencyMessages(p.Name)),
		})
		s.planRepair(v)
	}
}

// planRepair has a package repaired by a new version some time later.
func (s *packagers) planRepair(p *kojisim.Package) {
	s.w.After(s.luck.Between(14*time.Hour, 48*time.Hour), func() {
		if evr, ok := s.bump(p); ok {
			s.w.Repair(p.Name, evr)
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

// inheritMishaps draws what is wrong with a package before anyone has looked:
// in a large distribution some sources have not built for a long time.
func (s *packagers) inheritMishaps(b *kojisim.Build) {
	switch n := s.luck.Below(1000); {
	case n < 30:
		s.w.Break(kojisim.Breakage{Package: b.Package.Name, From: b.EVR, Message: draw.Pick(&s.luck, sourceMessages())})
	case n < 60:
		s.w.MakeFlaky(b.Package.Name, 0.05+0.3*s.luck.Fraction())
	}
}
