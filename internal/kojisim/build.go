package kojisim

import (
	"fmt"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
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
	BuildArchs []string
	Exclusive  []string
	Exclude    []string
	Binaries   []*rpm.Package // of the first architecture, and noarch ones
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

// SourceFile is the file name of the build's SRPM.
func (b *Build) SourceFile() string { return b.NVR() + ".src.rpm" }

// NEVRA is the name of the build's SRPM.
func (b *Build) NEVRA() rpm.NEVRA { return rpm.NEVRA{Name: b.Package.Name, EVR: b.EVR, Arch: "src"} }

// Path is where the build's SRPM lies, seen from Koji's top directory.
func (b *Build) Path() string {
	return fmt.Sprintf("packages/%s/%s/%s/src/%s", b.Package.Name, b.EVR.Version, b.EVR.Release, b.SourceFile())
}

// PackageByName finds a package; nil if there is none.
func (w *System) PackageByName(name string) *Package {
	if id, ok := w.pkgIDs[name]; ok {
		return w.Packages[id-1]
	}
	return nil
}

// NewPackage makes a package known to the hub.
func (w *System) NewPackage(name string) *Package {
	p := &Package{ID: len(w.Packages) + 1, Name: name}
	d := draw.From(w.Seed, "build time", name)
	// Most builds take minutes, a few take hours.
	p.BuildFor = d.Between(3*time.Minute, 12*time.Minute)
	for p.BuildFor < 3*time.Hour && d.Chance(0.45) {
		p.BuildFor *= 2
	}
	w.Packages = append(w.Packages, p)
	w.pkgIDs[name] = p.ID
	return p
}

// NewBuild makes a build of p in the given state. The build's times are the
// present; the caller may set others.
func (w *System) NewBuild(p *Package, evr rpm.EVR, c Content, owner *User, state int) *Build {
	b := &Build{
		ID: len(w.Builds) + 1, Package: p, EVR: evr, State: state, Owner: owner, Content: c,
		Started: w.Now, Created: w.Now, Event: w.NewEvent(),
	}
	w.Builds = append(w.Builds, b)
	w.buildIDs[b.NVR()] = b.ID
	p.Builds = append(p.Builds, b)
	if state == BuildComplete {
		w.complete(b, c)
	}
	return b
}

// ImportBuild makes a complete build that no task made.
func (w *System) ImportBuild(p *Package, evr rpm.EVR, c Content, owner *User) *Build {
	b := w.NewBuild(p, evr, c, owner, BuildComplete)
	w.Tell(BuildChange{b, -1, BuildComplete})
	return b
}

// complete gives a build its RPMs.
func (w *System) complete(b *Build, c Content) {
	b.State, b.Finished, b.Content = BuildComplete, w.Now, c
	b.FirstRPM = w.rpms + 1
	b.rpmCount = len(w.RPMsOf(b))
	w.rpms += b.rpmCount
	w.Changed()
}

// BuildByNVR finds a build; nil if there is none.
func (w *System) BuildByNVR(nvr string) *Build {
	if id, ok := w.buildIDs[nvr]; ok {
		return w.Builds[id-1]
	}
	return nil
}

// BuildByID finds a build; nil if there is none.
func (w *System) BuildByID(id int) *Build {
	if id < 1 || id > len(w.Builds) {
		return nil
	}
	return w.Builds[id-1]
}

// A RPM is one RPM as the hub lists it.
type RPM struct {
	ID     int
	Build  *Build
	Name   string
	EVR    rpm.EVR
	Arch   string
	Binary *rpm.Package // nil for the source RPM
}

// NEVRA is the name of the RPM.
func (r RPM) NEVRA() rpm.NEVRA { return rpm.NEVRA{Name: r.Name, EVR: r.EVR, Arch: r.Arch} }

// RPMsOf lists the build's RPMs: the source, then each architecture's.
func (w *System) RPMsOf(b *Build) []RPM {
	out := []RPM{{ID: b.FirstRPM, Build: b, Name: b.Package.Name, EVR: b.EVR, Arch: "src"}}
	add := func(p *rpm.Package, arch string) {
		out = append(out, RPM{ID: b.FirstRPM + len(out), Build: b, Name: p.Name, EVR: p.EVR, Arch: arch, Binary: p})
	}
	arches := w.builtFor(b)
	for i, arch := range arches {
		for _, p := range b.Binaries {
			if p.Arch != "noarch" {
				add(p, arch)
			} else if i == 0 {
				add(p, "noarch")
			}
		}
	}
	return out
}

// builtFor are the architectures for which a build has RPMs.
func (w *System) builtFor(b *Build) []string {
	if len(b.BuildArchs) == 1 && b.BuildArchs[0] == "noarch" {
		return []string{"noarch"}
	}
	var out []string
	for _, a := range w.arches() {
		if Admits(b.Content, a) {
			out = append(out, a)
		}
	}
	return out
}

// arches are the architectures of the world's first target.
func (w *System) arches() []string {
	if len(w.Targets) == 0 {
		return []string{"x86_64"}
	}
	return w.Targets[0].Build.OwnArches()
}

// buildOfRPM returns the build that an RPM id belongs to.
func (w *System) buildOfRPM(id int) *Build {
	lo, hi := 0, len(w.Builds)
	for lo < hi {
		mid := (lo + hi) / 2
		if b := w.Builds[mid]; b.FirstRPM != 0 && b.FirstRPM+b.rpmCount <= id {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < len(w.Builds); lo++ {
		b := w.Builds[lo]
		if b.FirstRPM != 0 && b.FirstRPM <= id && id < b.FirstRPM+b.rpmCount {
			return b
		}
	}
	return nil
}

// RPMByID finds an RPM by its number.
func (w *System) RPMByID(id int) (RPM, bool) {
	b := w.buildOfRPM(id)
	if b == nil {
		return RPM{}, false
	}
	return w.RPMsOf(b)[id-b.FirstRPM], true
}

// RPMByNVRA finds an RPM by its name. A source package is found at once, a
// binary one by looking through the builds.
func (w *System) RPMByNVRA(n rpm.NEVRA) (RPM, bool) {
	if n.Arch == "src" {
		b := w.BuildByNVR(n.Name + "-" + n.Version + "-" + n.Release)
		if b == nil || b.FirstRPM == 0 {
			return RPM{}, false
		}
		return w.RPMsOf(b)[0], true
	}
	for _, pr := range w.providers[n.Name] {
		if pr.build == nil || pr.Package.Name != n.Name || pr.Package.Version != n.Version || pr.Package.Release != n.Release {
			continue
		}
		for _, r := range w.RPMsOf(pr.build) {
			if r.Binary == pr.Package && r.Arch == n.Arch {
				return r, true
			}
		}
	}
	return RPM{}, false
}
