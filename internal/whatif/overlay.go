package whatif

import (
	"context"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// An overlay is what a Change asks for. A nil one changes nothing.
type overlay struct {
	repo    *repodata.Repo // nil if no packages are added
	without []string

	unusable []string // a sentence for each package that is left out
}

func (v *overlay) hasPackages() bool { return v != nil && v.repo != nil }
func (v *overlay) hasFiles() bool    { return v.hasPackages() && v.repo.HasFiles() }

// paths adds the files to dst that packages of the overlay ask for and that
// only file lists know.
func (v *overlay) paths(ctx context.Context, dst []string) ([]string, error) {
	if !v.hasPackages() {
		return dst, nil
	}
	return requiredPaths(ctx, v.repo, dst, repodata.PackagePaths)
}

// apply returns base with the changes. The file lists are searched for paths
// and for those that packages of the binary repository ask for.
func (v *overlay) apply(ctx context.Context, base *depsolve.Universe, binary *repodata.Repo, paths []string) (*depsolve.Universe, error) {
	name := ""
	if v.hasPackages() {
		name = v.repo.Location
	}
	changed := base.NewOverlay(name)
	if err := v.remove(base, changed); err != nil {
		return nil, err
	}
	if v.hasPackages() {
		files, err := v.files(ctx, binary, paths)
		if err != nil {
			return nil, err
		}
		if err := v.add(ctx, changed, files); err != nil {
			return nil, err
		}
	}
	return changed.Universe(), nil
}

func (v *overlay) remove(base *depsolve.Universe, changed *depsolve.Overlay) error {
	for _, name := range v.without {
		ids := base.Named(name)
		if len(ids) == 0 {
			return &NoPackageError{Name: name}
		}
		for _, id := range ids {
			changed.Remove(id)
		}
	}
	return nil
}

// files finds which of the files that are asked for packages of the overlay
// contain, by the packages' checksums.
func (v *overlay) files(ctx context.Context, binary *repodata.Repo, paths []string) (map[string][]string, error) {
	if !v.hasFiles() {
		return nil, nil
	}
	paths, err := requiredPaths(ctx, binary, paths, repodata.PackagePaths)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool)
	for _, path := range paths {
		wanted[path] = true
	}
	files := make(map[string][]string)
	err = v.repo.Files(ctx, func(path string) bool { return repodata.Wants(wanted, path) }, func(pkgID, path string) error {
		pkgID, path = strings.Clone(pkgID), strings.Clone(path)
		files[pkgID] = append(files[pkgID], path)
		return nil
	})
	return files, err
}

// add adds the packages of the overlay, with the files that only its file lists
// know.
func (v *overlay) add(ctx context.Context, changed *depsolve.Overlay, files map[string][]string) error {
	return v.repo.Packages(ctx, func(p *rpm.Package) error {
		whole := *p
		whole.Files = slices.Concat(p.Files, files[p.PkgID])
		if err := changed.Replace(&whole); err != nil {
			v.unusable = append(v.unusable, v.repo.Location+": "+err.Error())
		}
		return nil
	})
}
