package distro

import (
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// packagers are the people who work on a distribution: they update packages,
// break some, repair them, add new ones and retire old ones.
type packagers struct {
	w     *kojisim.System
	user  *kojisim.User
	admin *kojisim.User
	dest  *kojisim.Tag
	build *kojisim.Tag
	luck  draw.Draw
	mean  time.Duration // between two updates
	added int
	keep  bool                      // the releases are not ours to count: bump them by a suffix
	core  map[*kojisim.Package]bool // what every buildroot needs: its interfaces stay
}

// anyPackage draws a package that has a build.
func (s *packagers) anyPackage() *kojisim.Package {
	for range 20 {
		p := draw.Pick(&s.luck, s.w.Packages)
		if s.latest(p) != nil {
			return p
		}
	}
	return nil
}

func (s *packagers) latest(p *kojisim.Package) *kojisim.Build {
	return s.dest.LatestBuild(p, s.w.LastEvent())
}

// newest is the build of p with the highest number that is or will be tagged.
func (s *packagers) newest(p *kojisim.Package) *kojisim.Build {
	var best *kojisim.Build
	for _, b := range p.Builds {
		if b.State <= kojisim.BuildComplete && (best == nil || b.EVR.Order(best.EVR) > 0) {
			best = b
		}
	}
	if best == nil || kojisim.IsBlocked(s.dest.Order(), p) {
		return nil
	}
	return best
}

// nextRelease counts a release up: 3.fc44 becomes 4.fc44, and, where releases
// are not ours, 3 becomes 3.1.
func (s *packagers) nextRelease(release string) string {
	release = kojisim.RPMEVR(rpm.EVR{Release: release}).Release // of a draft, too
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

func (s *packagers) target() string {
	for _, g := range s.w.Targets {
		if g.Build == s.build {
			return g.Name
		}
	}
	return ""
}
