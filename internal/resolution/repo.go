package resolution

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Intern gives packages the numbers that sets consist of, in the same order;
// see [postgres.DB.Intern].
type Intern func(ctx context.Context, nevras []rpm.NEVRA) ([]int32, error)

// A Repo is a repository in memory.
type Repo struct {
	// Contents are all its packages.
	Contents *Contents
	// Unusable has a sentence for each package that is left out because its
	// metadata make no sense.
	Unusable []string

	universe *depsolve.Universe
	groups   []repodata.Group
	interned []int32         // by depsolve.ID
	files    map[string]bool // looked for in the file lists; nil if there are none
}

// Load reads the packages for one architecture, and the groups, of a
// repository. Of its file lists, which are long, it keeps what its packages
// require and the paths given; see Paths.
func Load(ctx context.Context, files *repodata.Repo, arch string, intern Intern, paths []string) (*Repo, error) {
	r := &Repo{}
	var err error
	if r.groups, err = files.Groups(ctx); err != nil {
		return nil, err
	}
	l := newLoader(r, files, arch, paths)
	if err := l.load(ctx, files); err != nil {
		return nil, err
	}
	r.universe = l.builder.Universe()
	nevras := make([]rpm.NEVRA, r.universe.Len())
	for i := range nevras {
		nevras[i] = r.universe.NEVRA(depsolve.ID(i + 1))
	}
	ids, err := intern(ctx, nevras)
	if err != nil {
		return nil, err
	}
	r.interned = append(make([]int32, 1, len(ids)+1), ids...)
	r.Contents = newContents(r.interned[1:], l.sources[1:])
	return r, nil
}

// lacks says whether some paths were not looked for when r was loaded.
func (r *Repo) lacks(paths []string) bool {
	return r.files != nil && slices.ContainsFunc(paths, func(path string) bool { return !r.files[path] })
}

// A loader adds packages to a universe and remembers their sources.
type loader struct {
	repo    *Repo
	builder *depsolve.Builder
	id      depsolve.RepoID
	names   map[string]string      // of sources, each once
	sources []string               // by depsolve.ID
	ids     map[string]depsolve.ID // by pkgid, to find packages in the file lists
	paths   []string               // scratch
}

func newLoader(r *Repo, files *repodata.Repo, arch string, paths []string) *loader {
	l := &loader{
		repo: r, builder: depsolve.NewBuilder(depsolve.Options{Arch: arch}),
		names: map[string]string{}, sources: make([]string, 1),
	}
	l.id = l.builder.AddRepo(files.Location, 0)
	if files.HasFiles() {
		l.ids, r.files = map[string]depsolve.ID{}, map[string]bool{}
		l.look(paths)
	}
	return l
}

func (l *loader) look(paths []string) {
	for _, path := range paths {
		l.repo.files[path] = true
	}
}

func (l *loader) load(ctx context.Context, files *repodata.Repo) error {
	if err := files.Packages(ctx, l.add); err != nil {
		return err
	}
	if len(l.repo.files) == 0 {
		return nil
	}
	return files.Files(ctx, func(path string) bool { return l.repo.files[path] }, func(pkgID, path string) error {
		if id, ok := l.ids[pkgID]; ok {
			l.builder.AddFile(id, path)
		}
		return nil
	})
}

// add keeps nothing of p: it is only lent.
func (l *loader) add(p *rpm.Package) error {
	id, err := l.builder.Add(l.id, p)
	var inferior *depsolve.InferiorArchError
	switch {
	case errors.As(err, &inferior): // a buildroot has packages of one architecture
	case err != nil:
		l.repo.Unusable = append(l.repo.Unusable, err.Error())
	case id != depsolve.None:
		l.sources = append(l.sources, l.source(p))
		l.noteFiles(id, p)
	}
	return nil
}

// noteFiles remembers which files p requires that only file lists have.
func (l *loader) noteFiles(id depsolve.ID, p *rpm.Package) {
	if l.ids == nil {
		return
	}
	l.ids[strings.Clone(p.PkgID)] = id
	l.paths = l.paths[:0]
	for _, list := range [][]rpm.Relation{p.Requires, p.Conflicts, p.Recommends, p.Suggests, p.Supplements, p.Enhances} {
		l.paths = repodata.Paths(l.paths, list)
	}
	l.look(l.paths)
}

// source is the name of the source package that p was made from, p's own if it
// does not say.
func (l *loader) source(p *rpm.Package) string {
	name := p.Name
	file := strings.TrimSuffix(strings.TrimSuffix(p.Source, ".src.rpm"), ".nosrc.rpm")
	if release := strings.LastIndexByte(file, '-'); release > 0 {
		if version := strings.LastIndexByte(file[:release], '-'); version > 0 {
			name = file[:version]
		}
	}
	if known, ok := l.names[name]; ok {
		return known
	}
	name = strings.Clone(name)
	l.names[name] = name
	return name
}

// Group returns the packages that the group of that name installs, required
// groups included. An error wraps repodata.ErrNoGroup if the repository has no
// such group.
func (r *Repo) Group(name string) ([]string, error) {
	members, err := repodata.Install(r.groups, name)
	if err != nil {
		return nil, fmt.Errorf("the repo: %w", err)
	}
	return members, nil
}

// set returns what a solver chose as it is stored.
func (r *Repo) set(ids []depsolve.ID, distances []uint8) postgres.Set {
	keys := make([]uint64, len(ids)) // much faster to sort than members
	for i, id := range ids {
		keys[i] = uint64(r.interned[id])<<8 | uint64(distances[i])
	}
	slices.Sort(keys)
	set := make(postgres.Set, len(keys))
	for i, k := range keys {
		set[i] = postgres.Member{ID: int32(k >> 8), Distance: uint8(k)}
	}
	return set
}
