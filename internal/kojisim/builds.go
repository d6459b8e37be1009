package kojisim

import (
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/rpm"
)

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
	w.tell(BuildChange{b, -1, BuildComplete})
	return b
}

// DeleteBuild deletes a build, which must not be tagged.
func (w *System) DeleteBuild(b *Build) {
	old := b.State
	b.State = BuildDeleted
	w.NewEvent()
	w.tell(BuildChange{b, old, BuildDeleted})
}

// complete gives a build its RPMs.
func (w *System) complete(b *Build, c Content) {
	b.State, b.Finished, b.Content = BuildComplete, w.Now, c
	if b.Image {
		w.Changed()
		return
	}
	b.FirstRPM = w.rpms + 1
	b.rpmCount = len(w.RPMsOf(b))
	w.rpms += b.rpmCount
	w.Changed()
}
