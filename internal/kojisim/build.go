package kojisim

import (
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// States of a build.
const (
	buildBuilding = 0
	BuildComplete = 1
	BuildDeleted  = 2
	buildFailed   = 3
	buildCanceled = 4
)

// A Package is a name under which there are builds.
type Package struct {
	ID   int
	Name string

	Builds   []*Build
	BuildFor time.Duration // how long its builds take on an idle machine
	Channel  *Channel      // of packagers' builds; nil: the usual one. Scratch builds never go elsewhere
}

// channel is that of packagers' builds.
func (p *Package) channel(usual *Channel) *Channel {
	if p.Channel != nil {
		return p.Channel
	}
	return usual
}

// A Build is one version of a package and what was made from it.
type Build struct {
	ID       int
	Package  *Package
	EVR      rpm.EVR
	State    int
	TaskID   int // 0: imported
	Owner    *User
	Source   string // what it was built from, "" if imported
	Started  time.Time
	Finished time.Time
	Created  time.Time
	Event    int // of creation

	Content
	FirstRPM int // id of the source RPM; those of the binaries follow
	provided bool
	rpmCount int
}

// The Content of a build: what its SRPM says and what was built from it.
type Content struct {
	Requires   []rpm.Relation // BuildRequires
	Conflicts  []rpm.Relation // BuildConflicts
	BuildArchs []string
	Exclusive  []string
	Exclude    []string
	Binaries   []*rpm.Package // of the first architecture, and noarch ones
	Image      bool           // it is an image: there are no packages at all
}

// AddBinary adds a binary package that provides what every package does.
func (c *Content) AddBinary(name string, evr rpm.EVR, arch string) *rpm.Package {
	p := &rpm.Package{NEVRA: rpm.NEVRA{Name: name, EVR: evr, Arch: arch}}
	p.Provides = []rpm.Relation{{Name: name, Op: rpm.Equal, EVR: evr}}
	if arch != "noarch" {
		p.Provides = append(p.Provides, rpm.Relation{Name: name + "(x86-64)", Op: rpm.Equal, EVR: evr})
	}
	c.Binaries = append(c.Binaries, p)
	return p
}

// NVR is the build's name in Koji.
func (b *Build) NVR() string {
	return b.Package.Name + "-" + b.EVR.Version + "-" + b.EVR.Release
}

// draftMark begins what Koji adds to the release of a draft build, and not to
// that of its packages.
const draftMark = ",draft_"

// IsDraft reports whether the build may still be replaced by another one of the
// same sources.
func (b *Build) IsDraft() bool { return strings.Contains(b.EVR.Release, draftMark) }

// RPMEVR is the EVR of the packages of a build with this EVR.
func RPMEVR(evr rpm.EVR) rpm.EVR {
	evr.Release, _, _ = strings.Cut(evr.Release, draftMark)
	return evr
}

// SourceFile is the file name of the build's SRPM.
func (b *Build) SourceFile() string {
	n := b.NEVRA()
	return n.Name + "-" + n.Version + "-" + n.Release + ".src.rpm"
}

// NEVRA is the name of the build's SRPM.
func (b *Build) NEVRA() rpm.NEVRA {
	return rpm.NEVRA{Name: b.Package.Name, EVR: RPMEVR(b.EVR), Arch: "src"}
}

// Admits reports whether a source lets itself be built for arch.
func Admits(c Content, arch string) bool {
	return (len(c.Exclusive) == 0 || slices.Contains(c.Exclusive, arch)) && !slices.Contains(c.Exclude, arch)
}

// buildStateName is Koji's word for a state of a build.
func buildStateName(state int) string {
	return [...]string{"BUILDING", "COMPLETE", "DELETED", "FAILED", "CANCELED"}[state]
}

// A provider is a package that offers a name.
type provider struct {
	build   *Build
	Package *rpm.Package
	op      rpm.Op
	EVR     rpm.EVR
}
