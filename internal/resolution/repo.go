package resolution

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Intern gives packages the record's numbers, which sets consist of, in the same
// order. The sources that they were made from are told along.
type Intern func(ctx context.Context, nevras []rpm.NEVRA, sources []depset.Source) ([]int32, error)

// A Repo is a repository in memory.
type Repo struct {
	// Contents are all its packages.
	Contents *Contents
	// LeftOut has a sentence for each package, and for each dependency of one, that
	// is left out because nobody can read what the metadata say.
	LeftOut []string

	arch     string
	universe *depsolve.Universe
	groups   []repodata.Group
	ids      map[pkgID]depsolve.ID
	twice    map[pkgID]bool  // those that several packages have; ids has the first
	interned []int32         // numbers by depsolve.ID
	numbers  []int32         // in order
	places   []int32         // of the packages among them, by depsolve.ID
	files    map[string]bool // looked for in the file lists; nil if there are none

	mu   sync.Mutex
	idle []*Resolver
}

// A pkgID is the hash of a package's pkgid, which two packages share only if
// they are the same.
type pkgID [sha256.Size]byte

func pkgIDOf(text string) pkgID { return sha256.Sum256([]byte(text)) }

// Load reads the packages for one architecture, and the groups, of a
// repository. Of its file lists, which are long, it keeps what its packages
// require and the paths given; see Paths.
func Load(ctx context.Context, files *repodata.Repo, arch string, intern Intern, paths []string) (*Repo, error) {
	return newLoader(files, arch, paths).repository(ctx, files, intern)
}

// Next is Load for a repository that has most packages of r: these are taken
// over and not read again. The result is the same.
func (r *Repo) Next(ctx context.Context, files *repodata.Repo, intern Intern, paths []string) (*Repo, error) {
	if r.universe.Worn() || (r.files != nil) != files.HasFiles() {
		return Load(ctx, files, r.arch, intern, paths)
	}
	next, err := newLoaderAfter(r, paths).repository(ctx, files, intern)
	if errors.Is(err, errMoreFiles) {
		return Load(ctx, files, r.arch, intern, paths)
	}
	return next, err
}

// lacks says whether some paths were not looked for when r was loaded.
func (r *Repo) lacks(paths []string) bool {
	return r.files != nil && slices.ContainsFunc(paths, func(path string) bool { return !r.files[path] })
}

// A loader adds packages to a universe and remembers their sources.
type loader struct {
	repo    *Repo
	before  *Repo // whose packages are taken over; nil if there is none
	builder *depsolve.Builder
	id      depsolve.RepoID
	files   map[string]depset.Source // of source packages, each once
	sources []depset.Source          // by depsolve.ID
	scratch []string
}

func newLoader(files *repodata.Repo, arch string, paths []string) *loader {
	l := &loader{
		repo:    &Repo{arch: arch, ids: map[pkgID]depsolve.ID{}, twice: map[pkgID]bool{}, interned: make([]int32, 1)},
		builder: depsolve.NewBuilder(depsolve.Options{Arch: arch}),
		files:   map[string]depset.Source{}, sources: make([]depset.Source, 1),
	}
	l.id = l.builder.AddRepo(files.Location, 0)
	if files.HasFiles() {
		l.repo.files = map[string]bool{}
		l.look(paths)
	}
	return l
}

// newLoaderAfter returns a loader that knows the packages of a repository, and
// looks for the same files.
func newLoaderAfter(before *Repo, paths []string) *loader {
	l := &loader{
		repo: &Repo{
			arch: before.arch, ids: make(map[pkgID]depsolve.ID, len(before.ids)), twice: map[pkgID]bool{},
			interned: make([]int32, 1, len(before.interned)), files: maps.Clone(before.files),
		},
		before: before, builder: before.universe.Next(),
		files: map[string]depset.Source{}, sources: make([]depset.Source, 1, len(before.interned)),
	}
	l.look(paths)
	return l
}

// look has the file lists searched for paths too.
func (l *loader) look(paths []string) {
	if l.repo.files == nil {
		return
	}
	for _, path := range paths {
		l.repo.files[path] = true
	}
}

// repository reads all that a Repo has. It takes time, memory and numbers for
// the packages only that are new.
func (l *loader) repository(ctx context.Context, files *repodata.Repo, intern Intern) (r *Repo, err error) {
	r = l.repo
	if r.groups, err = files.Groups(ctx); err != nil {
		return nil, err
	}
	if err := files.NewPackages(ctx, l.known, l.add); err != nil {
		return nil, err
	}
	if err := l.addFiles(ctx, files); err != nil {
		return nil, err
	}
	r.universe = l.builder.Universe()
	r.LeftOut = append(r.LeftOut, r.universe.Dropped()...)
	if err := r.number(ctx, intern, l.sources); err != nil {
		return nil, err
	}
	r.Contents = newContents(r.interned[1:], l.sources[1:])
	return r, nil
}

// number interns the packages that have no number yet.
func (r *Repo) number(ctx context.Context, intern Intern, sources []depset.Source) error {
	var fresh []depsolve.ID
	var nevras []rpm.NEVRA
	var from []depset.Source
	for id := depsolve.ID(1); int(id) < len(r.interned); id++ {
		if r.interned[id] == 0 {
			fresh, nevras, from = append(fresh, id), append(nevras, r.universe.NEVRA(id)), append(from, sources[id])
		}
	}
	numbers, err := intern(ctx, nevras, from)
	if err != nil {
		return err
	}
	for i, id := range fresh {
		r.interned[id] = numbers[i]
	}
	r.order()
	return nil
}

// order finds the place of each package in the order of numbers.
func (r *Repo) order() {
	ids := make([]depsolve.ID, len(r.interned)) // None first, whose number is 0
	for i := range ids {
		ids[i] = depsolve.ID(i)
	}
	slices.SortFunc(ids, func(a, b depsolve.ID) int { return cmp.Compare(r.interned[a], r.interned[b]) })
	r.numbers, r.places = make([]int32, len(ids)), make([]int32, len(ids))
	for place, id := range ids {
		r.numbers[place], r.places[id] = r.interned[id], int32(place)
	}
}

// known takes a package over from the repository before, if that has it.
func (l *loader) known(text string) bool {
	if l.before == nil {
		return false
	}
	key := pkgIDOf(text)
	id, ok := l.before.knows(key)
	if ok {
		number := l.before.interned[id]
		l.note(key, l.builder.Keep(id), l.before.Contents.sources[number], number)
	}
	return ok
}

// knows returns the package of a checksum, if that is the only one.
func (r *Repo) knows(key pkgID) (depsolve.ID, bool) {
	id, ok := r.ids[key]
	return id, ok && !r.twice[key]
}

// note remembers what the universe does not know of a package just added.
func (l *loader) note(key pkgID, id depsolve.ID, source depset.Source, number int32) {
	if _, twice := l.repo.ids[key]; twice {
		l.repo.twice[key] = true
	} else {
		l.repo.ids[key] = id // whose the files are
	}
	l.sources = append(l.sources, source)
	l.repo.interned = append(l.repo.interned, number)
}

// add keeps nothing of p: it is only lent.
func (l *loader) add(p *rpm.Package) error {
	id, err := l.builder.Add(l.id, p)
	switch {
	case err != nil:
		l.repo.LeftOut = append(l.repo.LeftOut, err.Error())
	case id != depsolve.None:
		l.note(pkgIDOf(p.PkgID), id, l.source(p), 0)
		l.look(l.pathsOf(p))
	}
	return nil
}

// pathsOf are the files p requires that only file lists have.
func (l *loader) pathsOf(p *rpm.Package) []string {
	l.scratch = l.scratch[:0]
	if l.repo.files == nil {
		return nil
	}
	for _, list := range [][]rpm.Relation{p.Requires, p.Conflicts, p.Recommends, p.Suggests, p.Supplements, p.Enhances} {
		l.scratch = repodata.Paths(l.scratch, list)
	}
	return l.scratch
}

// errMoreFiles says that packages taken over may have files that were not
// looked for in the repository before.
var errMoreFiles = errors.New("more files are to be looked for")

// addFiles adds the files that are looked for to the packages that are new.
func (l *loader) addFiles(ctx context.Context, files *repodata.Repo) error {
	if len(l.repo.files) == 0 {
		return nil
	}
	if l.before != nil && len(l.repo.files) > len(l.before.files) {
		return errMoreFiles
	}
	return files.Files(ctx, func(path string) bool { return repodata.Wants(l.repo.files, path) }, func(text, path string) error {
		key := pkgIDOf(text)
		id, ok := l.repo.ids[key]
		if ok && l.before != nil {
			_, known := l.before.knows(key)
			ok = !known
		}
		if ok {
			l.builder.AddFile(id, path)
		}
		return nil
	})
}

// source is what p was made from.
func (l *loader) source(p *rpm.Package) depset.Source {
	if known, ok := l.files[p.Source]; ok {
		return known
	}
	file := strings.Clone(p.Source)
	source := depset.SourceOf(strings.Clone(p.Name), file)
	if source.Version != "" {
		l.files[file] = source
	}
	return source
}

// A Provider is a package of a repository and what it was made from.
type Provider struct {
	rpm.NEVRA
	Source depset.Source
}

// Providers returns the packages that provide a dependency. For a boolean one these
// are the packages that may play a part in it.
func (r *Repo) Providers(dependency string) ([]Provider, error) {
	d, err := rpm.ParseDep(dependency)
	if err != nil {
		return nil, err
	}
	return r.providers(r.universe.Providers(d)), nil
}

// Named returns the packages of a name.
func (r *Repo) Named(name string) []Provider { return r.providers(r.universe.Named(name)) }

func (r *Repo) providers(ids []depsolve.ID) []Provider {
	all := make([]Provider, len(ids))
	for i, id := range ids {
		all[i] = Provider{r.universe.NEVRA(id), r.Contents.sources[r.interned[id]]}
	}
	return all
}

// Group returns the packages that the group of that name installs, required
// groups included, as mock reads them. If the repository has no such group, it is
// what the hub says of it.
func (r *Repo) Group(name string, hub func() ([]string, error)) ([]string, error) {
	members, err := repodata.Install(r.groups, name)
	if errors.Is(err, repodata.ErrNoGroup) {
		return hub()
	}
	if err != nil {
		return nil, fmt.Errorf("the repo: %w", err)
	}
	return members, nil
}
