package depsolve

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// Options say what universe a Builder makes.
type Options struct {
	// Arch is the architecture that packages are built for, as "x86_64".
	// Packages that its machines cannot run are left out; i686 ones stay.
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
	archs   map[string]archRank
	base    *Universe // the universe before, if any
	pool    *pool
	repos   []repository
	pkgs    []pkg
	layer   *layer         // apart: it outlives the Builder
	rows    int32          // of layer, with the empty row 0
	files   []pair[symbol] // of rows of layer
	exclude map[ID]bool
	seen    []int32 // per dependency: the list that had it last
	lists   int32   // added so far, those of packages left out included
}

// NewBuilder returns a Builder without packages.
func NewBuilder(o Options) *Builder { return newBuilder(o, newPool()) }

func newBuilder(o Options, p *pool) *Builder {
	b := &Builder{options: o, archs: archRanks(o.Arch), pool: p, pkgs: make([]pkg, 1), rows: 1, exclude: make(map[ID]bool), layer: new(layer)}
	for kind := range b.layer.lists {
		b.layer.lists[kind] = newTable[depID]()
	}
	return b
}

// Next returns a Builder for the universe that follows u. It has the
// repositories of u but no packages; those that have not changed are taken
// over with Keep, which needs no parsing. What u knows of packages is shared,
// also of those not kept, until it is Worn.
func (u *Universe) Next() *Builder {
	b := newBuilder(u.options, u.extend())
	b.base = u
	b.repos = slices.Clip(u.repos)
	return b
}

// Worn says that u is so many generations old, or carries so much along of
// packages that were not kept, that the next universe should start afresh.
func (u *Universe) Worn() bool {
	const generations = 24
	known := 0
	for _, l := range u.layers {
		known += len(l.lists[provided].start) - 2 // rows, without row 0
	}
	return len(u.layers) >= generations || known > u.Len()+u.Len()/4
}

// Keep adds a package of the universe before, as Add does. An excluded package
// has to be excluded again.
func (b *Builder) Keep(id ID) ID {
	b.pkgs = append(b.pkgs, b.base.pkgs[id])
	return ID(len(b.pkgs) - 1)
}

// ownLayer is the number of the Builder's layer in its universe.
func (b *Builder) ownLayer() int32 {
	if b.base == nil {
		return 0
	}
	return int32(len(b.base.layers))
}

// AddRepo adds a repository. Of several candidates only those of the
// repository with the lowest priority number are looked at, as in dnf.
func (b *Builder) AddRepo(name string, priority int) RepoID {
	b.repos = append(b.repos, repository{name, priority})
	return RepoID(len(b.repos) - 1)
}

// Add adds one package and returns its ID, or None if it is of a foreign
// architecture or a source package. It keeps nothing of p, not even strings. A
// package with a Flaw, which is the error, is left out; the Builder stays usable.
func (b *Builder) Add(repo RepoID, p *rpm.Package) (ID, error) {
	switch {
	case b.archs[p.Arch] == foreign:
		return None, nil
	case p.Flaw != "":
		return None, errors.New(p.Flaw)
	}
	own := dependency{op: rpm.Equal, name: b.pool.symbols.intern(p.Name), evr: b.pool.internEVR(p.EVR)}
	b.addLists(p, b.pool.depID(own))
	b.pkgs = append(b.pkgs, pkg{
		name:  own.name,
		evr:   own.evr,
		arch:  b.pool.symbols.intern(p.Arch),
		repo:  repo,
		layer: b.ownLayer(),
		row:   b.rows,
	})
	b.rows++
	id := ID(len(b.pkgs) - 1)
	for _, path := range p.Files {
		b.AddFile(id, path)
	}
	return id, nil
}

// addLists adds the lists of a package, which also provides own.
func (b *Builder) addLists(p *rpm.Package, own depID) {
	for kind, relations := range [listKinds][]rpm.Relation{
		provided: p.Provides, required: p.Requires, conflicting: p.Conflicts, obsoleted: p.Obsoletes,
		recommended: p.Recommends, suggested: p.Suggests, supplemented: p.Supplements, enhanced: p.Enhances,
	} {
		b.lists++
		b.addList(listKind(kind), relations)
		if listKind(kind) == provided {
			b.addDep(provided, own)
		}
		b.layer.lists[kind].endRow()
	}
}

// addList adds one list of a package. What occurs twice is kept once. What cannot
// be read is dropped, as libsolv does; see Universe.Dropped.
func (b *Builder) addList(kind listKind, relations []rpm.Relation) {
	for _, r := range relations {
		dep, err := b.pool.internRelation(r)
		if err != nil {
			b.layer.dropped = append(b.layer.dropped, drop{b.rows, fmt.Sprintf("%v: %v", kind, err)})
			continue
		}
		b.addDep(kind, dep)
	}
}

func (b *Builder) addDep(kind listKind, dep depID) {
	for int(dep) >= len(b.seen) {
		b.seen = append(b.seen, 0)
	}
	if b.seen[dep] == b.lists {
		return
	}
	b.seen[dep] = b.lists
	b.layer.lists[kind].add(dep)
}

// AddFile says that a package contains a file which its rpm.Package did not
// list, because primary.xml lists only some.
func (b *Builder) AddFile(id ID, path string) {
	if b.pkgs[id].layer != b.ownLayer() {
		b.own(id)
	}
	b.files = append(b.files, pair[symbol]{b.pkgs[id].row, b.pool.symbols.intern(path)})
	b.pool.oddPaths = b.pool.oddPaths || !isCleanPath(path)
}

// own copies the lists of a kept package to the Builder's layer.
func (b *Builder) own(id ID) {
	p := &b.pkgs[id]
	from := b.base.layers[p.layer]
	for kind := range b.layer.lists {
		t := &b.layer.lists[kind]
		t.items = append(t.items, from.lists[kind].row(p.row)...)
		t.endRow()
	}
	for _, path := range from.files.row(p.row) {
		b.files = append(b.files, pair[symbol]{b.rows, path})
	}
	for _, d := range from.dropped {
		if d.row == p.row {
			b.layer.dropped = append(b.layer.dropped, drop{b.rows, d.text})
		}
	}
	p.layer, p.row = b.ownLayer(), b.rows
	b.rows++
}

// Exclude forbids a package. It can still be seen in explanations.
func (b *Builder) Exclude(id ID) { b.exclude[id] = true }

// Universe returns the universe of all packages added. The Builder must not be
// used any more.
func (b *Builder) Universe() *Universe {
	b.pool.freeze()
	b.layer.files = tableOf(int(b.rows), b.files)
	u := &Universe{options: b.options, pool: b.pool, repos: b.repos, pkgs: b.pkgs, excluded: b.exclude}
	if b.base != nil {
		u.layers = slices.Clip(b.base.layers)
	}
	u.layers = append(u.layers, b.layer)
	u.indexProviders()
	u.archs = u.newMultilib()
	u.rankPackages()
	u.findTooLarge()
	u.makeRules()
	u.indexWeak()
	u.signatures = sync.OnceValue(func() *signatures { return newSignatures(u) })
	u.links = sync.OnceValue(func() *links { return newLinks(u) })
	u.sonames = sync.OnceValue(func() map[string]symbol { return newSonames(u) })
	return u
}
