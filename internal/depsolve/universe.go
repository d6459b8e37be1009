package depsolve

import (
	"fmt"
	"iter"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A listKind is one of the dependency lists of a package.
type listKind int

const (
	provided listKind = iota
	required
	conflicting
	obsoleted
	recommended
	suggested
	supplemented
	enhanced
	listKinds

	// ofArch is no list: it is the origin of rules that architectures make.
	ofArch listKind = -1
)

// String is the list's name in rpm-md.
func (k listKind) String() string {
	return [...]string{
		"provides", "requires", "conflicts", "obsoletes",
		"recommends", "suggests", "supplements", "enhances",
	}[k]
}

type pkg struct {
	name symbol
	evr  versionID
	arch symbol
	repo RepoID

	layer, row int32 // where its lists are
}

// A layer holds the lists of packages that were added together. Universes that
// are made of others share their layers.
type layer struct {
	lists [listKinds]table[depID] // per row
	files table[symbol]           // per row

	dropped []drop // by row
}

// A drop is an entry of a dependency list that cannot be read.
type drop struct {
	row  int32
	text string // which list, and what is wrong
}

// A Universe is all packages of some repositories and, worked out once, all
// that solving needs to know about them. It never changes.
type Universe struct {
	options Options
	*pool
	repos    []repository
	pkgs     []pkg
	layers   []*layer
	excluded map[ID]bool
	tooLarge map[depID]bool // boolean dependencies that cannot be worked out

	index providerIndex
	rules rules
	weak  weakness
	rank  ranking
	archs *multilib

	// Worked out when first needed.
	signatures func() *signatures
	links      func() *links
	sonames    func() map[string]symbol
}

// Len is the number of packages. Their IDs are 1 to Len.
func (u *Universe) Len() int { return len(u.pkgs) - 1 }

// NEVRA returns the name of a package.
func (u *Universe) NEVRA(id ID) rpm.NEVRA {
	p := &u.pkgs[id]
	return rpm.NEVRA{Name: u.symbols.string(p.name), EVR: u.evr(p.evr), Arch: u.symbols.string(p.arch)}
}

// Name returns the name of a package without version and architecture.
func (u *Universe) Name(id ID) string { return u.symbols.string(u.pkgs[id].name) }

// Repo returns the name of the repository that a package is from.
func (u *Universe) Repo(id ID) string { return u.repos[u.pkgs[id].repo].name }

// Named returns the packages of a name.
func (u *Universe) Named(name string) []ID {
	sym, ok := u.symbols.find(name)
	if !ok {
		return nil
	}
	var ids []ID
	for id := range u.named(sym) {
		ids = append(ids, id)
	}
	return ids
}

// named yields the packages of a name.
func (u *Universe) named(name symbol) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for _, id := range u.index.ofName(name) {
			if u.pkgs[id].name == name && !yield(id) {
				return
			}
		}
	}
}

// Dropped has a sentence for each dependency of a package that counts for nothing:
// those that are only wished for and too large to be worked out, then those that
// cannot be read, in the order of packages.
func (u *Universe) Dropped() []string {
	type place struct{ layer, row int32 }
	dropped := make(map[place][]string)
	for layer, l := range u.layers {
		for _, d := range l.dropped {
			at := place{int32(layer), d.row}
			dropped[at] = append(dropped[at], d.text)
		}
	}
	texts := u.unheeded()
	for id := ID(1); len(dropped) > 0 && int(id) < len(u.pkgs); id++ {
		for _, text := range dropped[place{u.pkgs[id].layer, u.pkgs[id].row}] {
			texts = append(texts, fmt.Sprintf("package %v: %s", u.NEVRA(id), text))
		}
	}
	return texts
}

// list returns one dependency list of a package.
func (u *Universe) list(kind listKind, id ID) []depID {
	p := &u.pkgs[id]
	return u.layers[p.layer].lists[kind].row(p.row)
}

// files returns the files of a package that are known.
func (u *Universe) files(id ID) []symbol {
	p := &u.pkgs[id]
	return u.layers[p.layer].files.row(p.row)
}
