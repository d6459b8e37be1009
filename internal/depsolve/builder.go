package depsolve

import (
	"fmt"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// Options say what universe a Builder makes.
type Options struct {
	// Arch is the architecture that packages are built for, as "x86_64".
	// Packages of other architectures, but for noarch, are left out.
	Arch string
}

// A RepoID names one repository of a Universe.
type RepoID int32

// A repository is where packages come from.
type repository struct {
	name     string
	priority int
}

// A Builder collects packages for a Universe. It belongs to one goroutine.
type Builder struct {
	options Options
	pool    *pool
	repos   []repository
	pkgs    []pkg
	layer   layer
	files   []pair[symbol]
	exclude map[ID]bool
	seen    []int32 // per dependency: the list that had it last
}

// NewBuilder returns a Builder without packages.
func NewBuilder(o Options) *Builder { return newBuilder(o, newPool()) }

func newBuilder(o Options, p *pool) *Builder {
	b := &Builder{options: o, pool: p, pkgs: make([]pkg, 1), exclude: make(map[ID]bool)}
	for kind := range b.layer.lists {
		b.layer.lists[kind] = newTable[depID]()
	}
	return b
}

// AddRepo adds a repository. Of several candidates only those of the
// repository with the lowest priority number are looked at, as in dnf.
func (b *Builder) AddRepo(name string, priority int) RepoID {
	b.repos = append(b.repos, repository{name, priority})
	return RepoID(len(b.repos) - 1)
}

// An InferiorArchError reports a package of an architecture that the
// universe's could run but prefers not to, as i686 on x86_64. Such packages
// are not supported.
type InferiorArchError struct {
	Package rpm.NEVRA
	Arch    string
}

func (e *InferiorArchError) Error() string {
	return fmt.Sprintf("package %v: architecture %s is inferior to %s; a universe has one architecture",
		e.Package, e.Package.Arch, e.Arch)
}

// Add adds one package and returns its ID, or None if it is of a foreign
// architecture or a source package. It keeps nothing of p, not even strings. A
// package that it reports an error for is left out; the Builder stays usable.
func (b *Builder) Add(repo RepoID, p *rpm.Package) (ID, error) {
	switch {
	case p.Arch == "noarch" || p.Arch == b.options.Arch:
	case isInferior(p.Arch, b.options.Arch):
		return None, &InferiorArchError{cloneNEVRA(p.NEVRA), b.options.Arch}
	default:
		return None, nil
	}
	id := ID(len(b.pkgs))
	if err := b.addLists(id, p); err != nil {
		for kind := range b.layer.lists {
			t := &b.layer.lists[kind]
			t.start = t.start[:id+1]
			t.items = t.items[:t.start[id]]
		}
		return None, fmt.Errorf("package %v: %w", p.NEVRA, err)
	}
	for _, path := range p.Files {
		b.AddFile(id, path)
	}
	b.pkgs = append(b.pkgs, pkg{
		name: b.pool.symbols.intern(p.Name),
		evr:  b.pool.internEVR(p.EVR),
		arch: b.pool.symbols.intern(p.Arch),
		repo: repo,
		row:  int32(id),
	})
	return id, nil
}

func cloneNEVRA(n rpm.NEVRA) rpm.NEVRA {
	return rpm.NEVRA{
		Name: strings.Clone(n.Name),
		EVR:  rpm.EVR{Epoch: n.Epoch, Version: strings.Clone(n.Version), Release: strings.Clone(n.Release)},
		Arch: strings.Clone(n.Arch),
	}
}

func (b *Builder) addLists(id ID, p *rpm.Package) error {
	for kind, relations := range [listKinds][]rpm.Relation{
		provided: p.Provides, required: p.Requires, conflicting: p.Conflicts, obsoleted: p.Obsoletes,
		recommended: p.Recommends, suggested: p.Suggests, supplemented: p.Supplements, enhanced: p.Enhances,
	} {
		if err := b.addList(id, p, listKind(kind), relations); err != nil {
			return err
		}
	}
	return nil
}

// addList adds one list of package id. What occurs twice is kept once.
func (b *Builder) addList(id ID, p *rpm.Package, kind listKind, relations []rpm.Relation) error {
	for _, r := range relations {
		dep, err := b.pool.internRelation(r)
		if err != nil {
			return fmt.Errorf("%v: %w", kind, err)
		}
		b.addDep(id, kind, dep)
	}
	if kind == provided { // every package provides itself
		b.addDep(id, kind, b.pool.internPlain(rpm.Relation{Name: p.Name, Op: rpm.Equal, EVR: p.EVR}))
	}
	b.layer.lists[kind].endRow()
	return nil
}

func (b *Builder) addDep(id ID, kind listKind, dep depID) {
	for int(dep) >= len(b.seen) {
		b.seen = append(b.seen, 0)
	}
	stamp := int32(id)*int32(listKinds) + int32(kind)
	if b.seen[dep] == stamp {
		return
	}
	b.seen[dep] = stamp
	b.layer.lists[kind].add(dep)
}

// AddFile says that a package contains a file which its rpm.Package did not
// list, because primary.xml lists only some.
func (b *Builder) AddFile(id ID, path string) {
	b.files = append(b.files, pair[symbol]{int32(id), b.pool.symbols.intern(path)})
}

// Exclude forbids a package. It can still be seen in explanations.
func (b *Builder) Exclude(id ID) { b.exclude[id] = true }
