package kojisim

import (
	"github.com/koschei-ci/koschei/internal/rpm"
)

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
	if b.Image {
		return nil
	}
	out := []RPM{{ID: b.FirstRPM, Build: b, Name: b.Package.Name, EVR: RPMEVR(b.EVR), Arch: "src"}}
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
		b := w.buildOfSource(n)
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
