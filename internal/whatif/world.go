package whatif

import (
	"context"
	"fmt"
	"slices"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// An Input says what goals are solved against. All but Change must be given.
type Input struct {
	Binary *repodata.Repo // packages of buildroots
	Source *repodata.Repo // source packages, whose BuildRequires are the goals
	Group  string         // of Binary that is in every buildroot
	Arch   string         // of buildroots
	Change *Change        // to Binary's packages; nil for none
}

// A Change is what would be otherwise.
type Change struct {
	// With has packages that replace all versions that Binary has of them. Nil for
	// none.
	With *repodata.Repo
	// Without are names of packages of Binary that are taken away.
	Without []string
}

// A World is all that goals are solved against.
type World struct {
	universe *depsolve.Universe
	before   *depsolve.Universe // without the change; nil if there is none
	change   *depsolve.Change   // from before to universe
	group    []string
	source   *repodata.Repo
	unusable []string // a sentence for each package that is left out
}

// A NoPackageError says that a package is to be taken away that is not there.
type NoPackageError struct{ Name string }

func (e *NoPackageError) Error() string {
	return fmt.Sprintf("there is no package %q to take away", e.Name)
}

// Load reads the binary packages. What is wrong with a repository is told by the
// errors of package repodata; what is only odd, by [World.LeftOut].
func Load(ctx context.Context, in Input) (*World, error) {
	w := &World{source: in.Source}
	var err error
	if w.group, err = in.Binary.Group(ctx, in.Group); err != nil {
		return nil, err
	}
	var over *overlay
	if c := in.Change; c != nil {
		over = &overlay{repo: c.With, without: c.Without}
	}
	if err := w.load(ctx, in, over); err != nil {
		return nil, err
	}
	return w, nil
}

// load makes the universe of the binary repository and the overlay.
func (w *World) load(ctx context.Context, in Input, over *overlay) error {
	var paths []string
	var err error
	if in.Binary.HasFiles() || over.hasFiles() {
		if paths, err = requiredPaths(ctx, w.source, nil, goalPaths); err != nil {
			return err
		}
		if paths, err = over.paths(ctx, paths); err != nil {
			return err
		}
	}
	b := depsolve.NewBuilder(depsolve.Options{Arch: in.Arch})
	loaded, err := in.Binary.Load(ctx, b, b.AddRepo(in.Binary.Location, 0), paths...)
	if err != nil {
		return err
	}
	w.unusable = loaded.Unusable
	w.universe = b.Universe()
	if over == nil {
		return nil
	}
	w.before = w.universe
	if w.universe, err = over.apply(ctx, w.before, in.Binary, paths); err != nil {
		return err
	}
	w.unusable = append(w.unusable, over.unusable...)
	w.change = depsolve.Compare(w.before, w.universe)
	return nil
}

// Packages is how many packages could be chosen from.
func (w *World) Packages() int { return w.universe.Len() }

// LeftOut has a sentence for each package, and for each dependency of one, that is
// left out because nobody can read what the metadata say.
func (w *World) LeftOut() []string {
	return slices.Concat([]string{}, w.unusable, w.universe.Dropped())
}

// requiredPaths adds the files to dst that packages ask for and that only file
// lists know.
func requiredPaths(ctx context.Context, repo *repodata.Repo, dst []string, of func([]string, *rpm.Package) []string) ([]string, error) {
	err := repo.Packages(ctx, func(p *rpm.Package) error {
		dst = of(dst, p)
		return nil
	})
	return dst, err
}

// goalPaths is repodata.PackagePaths for source packages.
func goalPaths(dst []string, p *rpm.Package) []string {
	return repodata.Paths(repodata.Paths(dst, p.Requires), p.Conflicts)
}
