package depsolve

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A providerIndex knows who provides what.
type providerIndex struct {
	offers table[offer] // per name: every provide of it, by package
	files  table[ID]    // per path: the packages that contain it
	lists  []ID         // all lists of providers, each ascending
	byName []span       // per symbol: all packages that provide it in any version
	byDep  []span       // per dependency of a package, provides excepted
	system []bool       // per dependency: provided by RPM itself
}

// An offer is one provide.
type offer struct {
	pkg ID
	dep depID // none for a file
}

func (x *providerIndex) at(s span) []ID { return x.lists[s.off : s.off+s.n : s.off+s.n] }

func (x *providerIndex) ofName(name symbol) []ID { return x.at(x.byName[name]) }

// ofGoal returns who provides what a goal names: packages that contain a file of
// that name only if no other does.
func (x *providerIndex) ofGoal(name symbol) []ID {
	if ids := x.ofName(name); len(ids) > 0 {
		return ids
	}
	return x.files.row(int32(name))
}

// ofDep returns who provides a dependency of a package. For a boolean one
// these are the packages that may play a part in it.
func (x *providerIndex) ofDep(dep depID) []ID { return x.at(x.byDep[dep]) }

func (x *providerIndex) store(ids []ID) span {
	if len(ids) == 0 {
		return span{}
	}
	s := span{int32(len(x.lists)), int32(len(ids))}
	x.lists = append(x.lists, ids...)
	return s
}

func (u *Universe) indexProviders() {
	x := &u.index
	u.collectOffers()
	x.byName = make([]span, u.symbols.len())
	var ids []ID
	for name := range x.byName {
		ids = ids[:0]
		for _, o := range x.offers.row(int32(name)) {
			if len(ids) == 0 || ids[len(ids)-1] != o.pkg {
				ids = append(ids, o.pkg)
			}
		}
		x.byName[name] = x.store(ids)
	}
	x.byDep = make([]span, len(u.deps))
	x.system = make([]bool, len(u.deps))
	for dep, used := range u.usedDeps() {
		if used {
			x.byDep[dep], x.system[dep] = u.findProviders(depID(dep))
		}
	}
}

// collectOffers lists all provides, and all files. A file is also a provide if a
// package depends on it, and only then: libsolv takes it for one.
func (u *Universe) collectOffers() {
	n := 0
	for _, l := range u.layers {
		n += len(l.lists[provided].items) + len(l.files.items)
	}
	pairs := make([]pair[offer], 0, n)
	var files []pair[ID]
	last := make([]ID, u.symbols.len()) // per path: the last package that has it
	asked := u.newPathsAsked()
	var names []symbol
	for id := ID(1); int(id) < len(u.pkgs); id++ {
		for _, dep := range u.list(provided, id) {
			pairs = append(pairs, pair[offer]{int32(u.deps[dep].name), offer{id, dep}})
		}
		for _, path := range u.files(id) {
			if last[path] == id {
				continue
			}
			last[path] = id
			files = append(files, pair[ID]{int32(path), id})
			names = asked.of(path, names)
			for _, name := range names {
				pairs = append(pairs, pair[offer]{int32(name), offer{id, 0}})
			}
		}
	}
	u.index.offers, u.index.files = tableOf(u.symbols.len(), pairs), tableOf(u.symbols.len(), files)
}

// usedDeps tells the dependencies that packages have from those that they only
// provide.
func (u *Universe) usedDeps() []bool {
	used := make([]bool, len(u.deps))
	for _, l := range u.layers {
		for kind := required; kind < listKinds; kind++ {
			for _, dep := range l.lists[kind].items {
				used[dep] = true
			}
		}
	}
	for dep := len(u.deps) - 1; dep > 0; dep-- { // what joins two comes after them
		if d := &u.deps[dep]; used[dep] && d.isBoolean() {
			used[d.left], used[d.right] = true, true
		}
	}
	return used
}

// findProviders works out one entry of byDep.
func (u *Universe) findProviders(dep depID) (list span, system bool) {
	x, d := &u.index, &u.deps[dep]
	if d.isBoolean() {
		ids, system := u.providers(u.dep(dep))
		return x.store(ids), system
	}
	all := x.byName[d.name]
	if d.op == 0 {
		return all, false
	}
	start := len(x.lists)
	r := u.relation(dep)
	x.lists = u.appendProviders(x.lists, d.name, r)
	n := len(x.lists) - start
	if int(all.n) == n { // every version will do: share the list
		x.lists = x.lists[:start]
		return all, n == 0 && isSystem(r)
	}
	return span{int32(start), int32(n)}, n == 0 && isSystem(r)
}

// isSystem reports whether RPM itself provides r unless a package does.
func isSystem(r rpm.Relation) bool {
	return r.Op != 0 && r.Op != rpm.NoComparison && strings.HasPrefix(r.Name, "rpmlib(")
}

// appendProviders appends the packages that meet a relation with a version.
func (u *Universe) appendProviders(ids []ID, name symbol, r rpm.Relation) []ID {
	start := len(ids)
	for _, o := range u.index.offers.row(int32(name)) {
		if len(ids) > start && ids[len(ids)-1] == o.pkg {
			continue
		}
		if u.meets(o, r) {
			ids = append(ids, o.pkg)
		}
	}
	return ids
}

func (u *Universe) meets(o offer, r rpm.Relation) bool {
	if o.dep == 0 {
		return r.Op != rpm.NoComparison
	}
	d := &u.deps[o.dep]
	return provides(d.op, u.evr(d.evr), r.Op, r.EVR)
}

// Providers returns the packages that provide a dependency. For a boolean one
// these are the packages that may play a part in it.
func (u *Universe) Providers(d *rpm.Dep) []ID {
	ids, _ := u.providers(d)
	return ids
}

// providers returns who provides any dependency, and whether RPM itself does.
// For a boolean dependency these are the packages that may play a part in it: a
// condition is taken for true, its alternative for possible.
func (u *Universe) providers(d *rpm.Dep) (ids []ID, system bool) {
	if d.Op == 0 {
		name, ok := u.symbols.find(d.Relation.Name)
		switch {
		case !ok:
			return nil, isSystem(d.Relation)
		case d.Relation.Op == 0:
			return u.index.ofGoal(name), false
		}
		ids = u.appendProviders(nil, name, d.Relation)
		return ids, len(ids) == 0 && isSystem(d.Relation)
	}
	switch d.Op {
	case rpm.Else: // it means something behind "if" and "unless" only
		return nil, false
	case rpm.And, rpm.Or:
		return u.providersOfAny(d)
	}
	alternative := d.Right
	if d.Op == rpm.If || d.Op == rpm.Unless {
		_, alternative = splitCondition(d)
	}
	left, _ := u.providers(d.Left)
	if alternative == nil {
		return left, false
	}
	right, _ := u.providers(alternative)
	switch d.Op {
	case rpm.With:
		return slices.DeleteFunc(slices.Clone(left), func(id ID) bool { return !contains(right, id) }), false
	case rpm.Without:
		return slices.DeleteFunc(slices.Clone(left), func(id ID) bool { return contains(right, id) }), false
	}
	return union(left, right), false
}

// providersOfAny returns who provides any of what "and" or "or" joins, and, for
// "or", whether RPM does.
func (u *Universe) providersOfAny(d *rpm.Dep) (ids []ID, system bool) {
	for _, operand := range operands(d) {
		more, bySystem := u.providers(operand)
		ids = append(ids, more...)
		system = system || bySystem && d.Op == rpm.Or
	}
	slices.Sort(ids)
	return slices.Compact(ids), system
}

// contains searches an ascending list.
func contains(ids []ID, id ID) bool {
	_, found := slices.BinarySearch(ids, id)
	return found
}

// union merges two ascending lists.
func union(a, b []ID) []ID {
	return slices.AppendSeq(make([]ID, 0, len(a)+len(b)), merged(a, b, cmp.Compare[ID]))
}

// merged yields two ascending lists as one, and what both have once.
func merged[T any](a, b []T, compare func(T, T) int) iter.Seq[T] {
	return func(yield func(T) bool) {
		a, b := a, b // an iterator may be used again
		for len(a) > 0 && len(b) > 0 {
			next, order := a[0], compare(a[0], b[0])
			if order <= 0 {
				a = a[1:]
			}
			if order >= 0 {
				next, b = b[0], b[1:]
			}
			if !yield(next) {
				return
			}
		}
		for _, rest := range [][]T{a, b} {
			for _, next := range rest {
				if !yield(next) {
					return
				}
			}
		}
	}
}
