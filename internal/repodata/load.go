package repodata

import (
	"context"
	"fmt"
	"strings"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Loaded says what Load has done.
type Loaded struct {
	Packages int // added
	Foreign  int // passed over, as they are for other architectures
	// Unusable has one sentence for each package that was left out because
	// something is wrong with it, such as having no version. Dependencies that
	// cannot be read are left out one by one; the Universe tells them.
	Unusable []string
}

// Load adds all packages of the repository to b. After an error b must not be
// used: it may hold packages that nobody vouches for. A package
// that b cannot use is left out and mentioned.
//
// The file lists, which are long, are read only if a package requires a file
// that primary.xml never lists, or if paths, the files that goals ask for (see
// Paths), are not empty.
func (r *Repo) Load(ctx context.Context, b *depsolve.Builder, id depsolve.RepoID, paths ...string) (*Loaded, error) {
	l := loader{repo: r, builder: b, id: id, wanted: make(map[string]bool)}
	for _, path := range paths {
		l.wanted[path] = true
	}
	if r.HasFiles() {
		l.ids = make(map[string]depsolve.ID)
	}
	if err := r.Packages(ctx, l.add); err != nil {
		return nil, err
	}
	if r.HasFiles() && len(l.wanted) > 0 {
		if err := r.Files(ctx, func(path string) bool { return Wants(l.wanted, path) }, l.addFile); err != nil {
			return nil, err
		}
	}
	return &l.loaded, nil
}

type loader struct {
	repo    *Repo
	builder *depsolve.Builder
	id      depsolve.RepoID
	loaded  Loaded
	ids     map[string]depsolve.ID // by pkgid; nil if there are no file lists
	wanted  map[string]bool        // files to look for in the file lists
	scratch []string
}

func (l *loader) add(p *rpm.Package) error {
	added, err := l.builder.Add(l.id, p)
	switch {
	case err != nil:
		// Printed at once: the error may hold strings that are only lent.
		l.loaded.Unusable = append(l.loaded.Unusable, fmt.Sprintf("%s: %v", l.repo.Location, err))
		return nil
	case added == depsolve.None:
		l.loaded.Foreign++
		return nil
	}
	l.loaded.Packages++
	if l.ids != nil {
		if _, twice := l.ids[p.PkgID]; !twice { // files are the first one's, as for libsolv
			l.ids[strings.Clone(p.PkgID)] = added
		}
		l.want(p)
	}
	return nil
}

func (l *loader) want(p *rpm.Package) {
	l.scratch = PackagePaths(l.scratch[:0], p)
	for _, path := range l.scratch {
		l.wanted[path] = true
	}
}

func (l *loader) addFile(pkgID, path string) error {
	if id, ok := l.ids[pkgID]; ok {
		l.builder.AddFile(id, path)
	}
	return nil
}
