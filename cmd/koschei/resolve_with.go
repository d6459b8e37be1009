package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// An overlay is what --with and --without change. A nil one changes nothing.
type overlay struct {
	repo    *repodata.Repo // nil without --with
	without []string

	unusable []string // a sentence for each package that is left out
}

func openOverlay(ctx context.Context, o resolveOptions, client *http.Client) (*overlay, error) {
	if !o.whatIf() {
		return nil, nil //nolint:nilnil // a nil overlay is one that changes nothing
	}
	v := &overlay{without: o.without}
	if o.with != "" {
		var err error
		if v.repo, err = repodata.Open(ctx, o.with, client); err != nil {
			return nil, err
		}
	}
	return v, nil
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
			return badInput(fmt.Errorf("--without %q: --binary has no such package", name))
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

// A difference is what an overlay does to the goals.
type difference struct {
	Broken      []failure `json:"broken"`
	Fixed       []string  `json:"fixed"`
	Changed     []string  `json:"changed"`      // resolve as before, with other packages
	SolvedAgain int       `json:"solved_again"` // goals whose answer could be another
}

func newDifference() *difference {
	return &difference{Broken: []failure{}, Fixed: []string{}, Changed: []string{}}
}

// count counts one more goal.
func (d *difference) count(name string, effect depsolve.Effect, again bool, problems []string) {
	switch effect {
	case depsolve.Broken:
		d.Broken = append(d.Broken, failure{Name: name, Problems: problems})
	case depsolve.Fixed:
		d.Fixed = append(d.Fixed, name)
	case depsolve.Moved:
		d.Changed = append(d.Changed, name)
	case depsolve.Unchanged:
	}
	if again {
		d.SolvedAgain++
	}
}

// merge adds what another has counted.
func (d *difference) merge(other *difference) {
	d.Broken = append(d.Broken, other.Broken...)
	d.Fixed = append(d.Fixed, other.Fixed...)
	d.Changed = append(d.Changed, other.Changed...)
	d.SolvedAgain += other.SolvedAgain
}

// printText leaves errors to the writer's Flush.
func (d *difference) printText(w *bufio.Writer, goals int) {
	_, _ = fmt.Fprintf(w, "%d source packages: %d newly broken, %d newly fixed, %d changed.\n\n",
		goals, len(d.Broken), len(d.Fixed), len(d.Changed))
	if len(d.Broken) > 0 {
		_, _ = fmt.Fprintln(w, "Newly broken:")
		printFailures(w, d.Broken)
		_, _ = fmt.Fprintln(w)
	}
	if len(d.Fixed) > 0 {
		_, _ = fmt.Fprintf(w, "Newly fixed:\n%s\n\n", strings.Join(d.Fixed, "\n"))
	}
}
