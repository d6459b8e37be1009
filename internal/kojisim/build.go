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
	buildComplete = 1
	buildDeleted  = 2
	buildFailed   = 3
	buildCanceled = 4
)

// A pkg is a name under which there are builds.
type pkg struct {
	id   int
	name string

	builds   []*build
	buildFor time.Duration // how long its builds take on an idle machine
}

// A build is one version of a package and what was made from it.
type build struct {
	id       int
	pkg      *pkg
	evr      rpm.EVR
	state    int
	taskID   int // 0: imported
	owner    *user
	source   string // what it was built from, "" if imported
	started  time.Time
	finished time.Time
	created  time.Time
	event    int // of creation

	content
	firstRPM int // id of the source RPM; those of the binaries follow
	provided bool
	rpmCount int
}

// The content of a build: what its SRPM says and what was built from it.
type content struct {
	requires   []rpm.Relation // BuildRequires
	buildArchs []string
	exclusive  []string
	exclude    []string
	binaries   []*rpm.Package // of the first architecture, and noarch ones
}

// addBinary adds a binary package that provides what every package does.
func (c *content) addBinary(name string, evr rpm.EVR, arch string) *rpm.Package {
	p := &rpm.Package{NEVRA: rpm.NEVRA{Name: name, EVR: evr, Arch: arch}}
	p.Provides = []rpm.Relation{{Name: name, Op: rpm.Equal, EVR: evr}}
	if arch != "noarch" {
		p.Provides = append(p.Provides, rpm.Relation{Name: name + "(x86-64)", Op: rpm.Equal, EVR: evr})
	}
	c.binaries = append(c.binaries, p)
	return p
}

// nvr is the build's name in Koji.
func (b *build) nvr() string {
	return b.pkg.name + "-" + b.evr.Version + "-" + b.evr.Release
}

// sourceFile is the file name of the build's SRPM.
func (b *build) sourceFile() string { return b.nvr() + ".src.rpm" }

// nevra is the name of the build's SRPM.
func (b *build) nevra() rpm.NEVRA { return rpm.NEVRA{Name: b.pkg.name, EVR: b.evr, Arch: "src"} }

// path is where the build's SRPM lies, seen from Koji's top directory.
func (b *build) path() string {
	return fmt.Sprintf("packages/%s/%s/%s/src/%s", b.pkg.name, b.evr.Version, b.evr.Release, b.sourceFile())
}

// packageByName finds a package; nil if there is none.
func (w *System) packageByName(name string) *pkg {
	if id, ok := w.pkgIDs[name]; ok {
		return w.packages[id-1]
	}
	return nil
}

// newPackage makes a package known to the hub.
func (w *System) newPackage(name string) *pkg {
	p := &pkg{id: len(w.packages) + 1, name: name}
	d := draw.From(w.seed, "build time", name)
	// Most builds take minutes, a few take hours.
	p.buildFor = d.Between(3*time.Minute, 12*time.Minute)
	for p.buildFor < 3*time.Hour && d.Chance(0.45) {
		p.buildFor *= 2
	}
	w.packages = append(w.packages, p)
	w.pkgIDs[name] = p.id
	return p
}

// newBuild makes a build of p in the given state. The build's times are the
// present; the caller may set others.
func (w *System) newBuild(p *pkg, evr rpm.EVR, c content, owner *user, state int) *build {
	b := &build{
		id: len(w.builds) + 1, pkg: p, evr: evr, state: state, owner: owner, content: c,
		started: w.now, created: w.now, event: w.newEvent(),
	}
	w.builds = append(w.builds, b)
	w.buildIDs[b.nvr()] = b.id
	p.builds = append(p.builds, b)
	if state == buildComplete {
		w.complete(b, c)
	}
	return b
}

// importBuild makes a complete build that no task made.
func (w *System) importBuild(p *pkg, evr rpm.EVR, c content, owner *user) *build {
	b := w.newBuild(p, evr, c, owner, buildComplete)
	w.tell(BuildChange{b, -1, buildComplete})
	return b
}

// complete gives a build its RPMs.
func (w *System) complete(b *build, c content) {
	b.state, b.finished, b.content = buildComplete, w.now, c
	b.firstRPM = w.rpms + 1
	b.rpmCount = len(w.rpmsOf(b))
	w.rpms += b.rpmCount
	w.changed()
}

// buildByNVR finds a build; nil if there is none.
func (w *System) buildByNVR(nvr string) *build {
	if id, ok := w.buildIDs[nvr]; ok {
		return w.builds[id-1]
	}
	return nil
}

// buildByID finds a build; nil if there is none.
func (w *System) buildByID(id int) *build {
	if id < 1 || id > len(w.builds) {
		return nil
	}
	return w.builds[id-1]
}

// A record is one RPM as the hub lists it.
type record struct {
	id    int
	build *build
	name  string
	evr   rpm.EVR
	arch  string
	pkg   *rpm.Package // nil for the source RPM
}

// nevra is the name of the RPM.
func (r record) nevra() rpm.NEVRA { return rpm.NEVRA{Name: r.name, EVR: r.evr, Arch: r.arch} }

// rpmsOf lists the build's RPMs: the source, then each architecture's.
func (w *System) rpmsOf(b *build) []record {
	out := []record{{id: b.firstRPM, build: b, name: b.pkg.name, evr: b.evr, arch: "src"}}
	add := func(p *rpm.Package, arch string) {
		out = append(out, record{id: b.firstRPM + len(out), build: b, name: p.Name, evr: p.EVR, arch: arch, pkg: p})
	}
	arches := w.builtFor(b)
	for i, arch := range arches {
		for _, p := range b.binaries {
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
func (w *System) builtFor(b *build) []string {
	if len(b.buildArchs) == 1 && b.buildArchs[0] == "noarch" {
		return []string{"noarch"}
	}
	var out []string
	for _, a := range w.arches() {
		if admits(b.content, a) {
			out = append(out, a)
		}
	}
	return out
}

// arches are the architectures of the world's first target.
func (w *System) arches() []string {
	if len(w.targets) == 0 {
		return []string{"x86_64"}
	}
	return w.targets[0].build.ownArches()
}

// buildOfRPM returns the build that an RPM id belongs to.
func (w *System) buildOfRPM(id int) *build {
	lo, hi := 0, len(w.builds)
	for lo < hi {
		mid := (lo + hi) / 2
		if b := w.builds[mid]; b.firstRPM != 0 && b.firstRPM+b.rpmCount <= id {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < len(w.builds); lo++ {
		b := w.builds[lo]
		if b.firstRPM != 0 && b.firstRPM <= id && id < b.firstRPM+b.rpmCount {
			return b
		}
	}
	return nil
}

// rpmByID finds an RPM by its number.
func (w *System) rpmByID(id int) (record, bool) {
	b := w.buildOfRPM(id)
	if b == nil {
		return record{}, false
	}
	return w.rpmsOf(b)[id-b.firstRPM], true
}

// rpmByNVRA finds an RPM by its name. A source package is found at once, a
// binary one by looking through the builds.
func (w *System) rpmByNVRA(n rpm.NEVRA) (record, bool) {
	if n.Arch == "src" {
		b := w.buildByNVR(n.Name + "-" + n.Version + "-" + n.Release)
		if b == nil || b.firstRPM == 0 {
			return record{}, false
		}
		return w.rpmsOf(b)[0], true
	}
	for _, pr := range w.providers[n.Name] {
		if pr.build == nil || pr.pkg.Name != n.Name || pr.pkg.Version != n.Version || pr.pkg.Release != n.Release {
			continue
		}
		for _, r := range w.rpmsOf(pr.build) {
			if r.pkg == pr.pkg && r.arch == n.Arch {
				return r, true
			}
		}
	}
	return record{}, false
}
