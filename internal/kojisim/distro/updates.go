package distro

import (
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// rebuild builds the same version again under the next release.
func (s *packagers) rebuild(p *kojisim.Package, done func(bool)) {
	if b := s.newest(p); b != nil {
		s.submit(p, rpm.EVR{Epoch: b.EVR.Epoch, Version: b.EVR.Version, Release: s.nextRelease(b.EVR.Release)}, b, done)
	}
}

// bump builds a new version and returns what it will be.
func (s *packagers) bump(p *kojisim.Package) (rpm.EVR, bool) {
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
func (s *packagers) submit(p *kojisim.Package, evr rpm.EVR, b *kojisim.Build, done func(bool)) {
	s.submitContent(p, evr, s.renewed(b, evr), func(ok bool) {
		if !ok {
			s.w.After(s.luck.Between(2*time.Hour, 5*time.Hour), func() { s.rebuild(p, done) })
			return
		}
		if done != nil {
			done(true)
		}
	})
}

func (s *packagers) submitContent(p *kojisim.Package, evr rpm.EVR, c kojisim.Content, done func(bool)) {
	if s.w.Holiday {
		return
	}
	s.w.SubmitUpdate(s.user, s.target(), &kojisim.Update{Package: p, EVR: evr, Content: c, Done: done})
}
