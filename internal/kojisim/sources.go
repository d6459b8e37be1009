package kojisim

import (
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// An Update is a new version that a packager builds.
type Update struct {
	Package *Package
	EVR     rpm.EVR
	Content Content
	Done    func(ok bool) // nil if nobody waits
}

func isSCM(source string) bool { return strings.Contains(source, "://") }

// sourceOf finds the build whose source a task builds, that of an update if it
// is for one; nil if there is none.
func (w *System) sourceOf(source string, u *Update) *Build {
	if u != nil {
		return &Build{Package: u.Package, EVR: u.EVR, Content: u.Content}
	}
	name := source[strings.LastIndexByte(source, '/')+1:]
	if nvr, ok := strings.CutSuffix(name, ".src.rpm"); ok {
		if b := w.BuildByNVR(nvr); b != nil && b.State != BuildDeleted {
			return b
		}
		if n, err := rpm.ParseNEVRA(nvr + ".src"); err == nil && !strings.HasPrefix(source, "cli-build/") {
			if b := w.draftAt(source, n); b != nil && b.State != BuildDeleted {
				return b
			}
		}
		if strings.HasPrefix(source, "cli-build/") {
			return w.uploaded(nvr)
		}
		return w.linkedSource(nvr)
	}
	name, commit, _ := strings.Cut(name, "#")
	p := w.PackageByName(strings.TrimSuffix(name, ".git"))
	if p == nil || len(p.Builds) == 0 || strings.Trim(commit, "0") == "" {
		return nil // the commit of zeros is one that no repository has
	}
	return p.Builds[len(p.Builds)-1]
}

// draftAt is the draft build whose source package a path names: its release
// stands in the path, and not in the name of the file.
func (w *System) draftAt(source string, n rpm.NEVRA) *Build {
	parts := strings.Split(source, "/")
	if len(parts) < 4 {
		return nil
	}
	b := w.BuildByNVR(n.Name + "-" + n.Version + "-" + parts[len(parts)-3])
	if b == nil || b.NEVRA().Release != n.Release {
		return nil
	}
	return b
}

// uploaded is an SRPM that somebody uploaded: a new version of a package that
// is known. What such a package contains is what its newest build contains.
func (w *System) uploaded(nvr string) *Build {
	n, err := rpm.ParseNEVRA(nvr + ".src")
	if err != nil {
		return nil
	}
	p := w.PackageByName(n.Name)
	if p == nil || len(p.Builds) == 0 {
		return nil
	}
	last := p.Builds[len(p.Builds)-1]
	c := last.Content
	c.Binaries = make([]*rpm.Package, len(last.Binaries))
	for i, old := range last.Binaries {
		q := *old
		q.EVR = n.EVR
		c.Binaries[i] = &q
	}
	return &Build{Package: p, EVR: n.EVR, Content: c}
}

// linkedSource is a copy of a build of another world, nil if none has it.
func (w *System) linkedSource(nvr string) *Build {
	for _, l := range w.links {
		var found *Build
		if b := l.world.Lock().BuildByNVR(nvr); b != nil && b.State != BuildDeleted {
			p := *b.Package
			found = &Build{Package: &p, EVR: b.EVR, Content: b.Content}
		}
		l.world.Unlock()
		if found != nil {
			return found
		}
	}
	return nil
}
