package depsolve

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A rule is one demand of a package: one of its literals must be true. Rules
// of packages begin with their lowest literal, which is negative.
type rule struct {
	first  ID
	rest   []ID
	shared span     // where rest is in providerIndex.lists, if it is
	origin listKind // why: from which list of the package
	issuer ID       // the package that demands it
	dep    depID    // the entry of the list; none if packages of one name exclude each other
}

// eachRule calls yield with every rule of package id. The literals are only
// lent.
func (u *Universe) eachRule(id ID, yield func(rule)) {
	if u.excluded[id] {
		yield(rule{first: -id, origin: required, issuer: id})
	}
	for _, dep := range u.list(required, id) {
		u.requirement(id, dep, yield)
	}
	for _, dep := range u.list(conflicting, id) {
		u.conflict(id, dep, yield)
	}
	for _, dep := range u.list(obsoleted, id) {
		for _, other := range u.index.ofDep(dep) {
			if other != id && u.isNamed(other, dep) {
				yield(opposed(id, other, obsoleted, dep))
			}
		}
	}
	for other := range u.named(u.pkgs[id].name) {
		if other != id && u.archs.areOpposed(id, other) {
			yield(opposed(id, other, provided, 0))
		}
	}
}

// opposed is the rule that two packages exclude each other.
func opposed(id, other ID, origin listKind, dep depID) rule {
	return rule{first: -max(id, other), rest: []ID{-min(id, other)}, origin: origin, issuer: id, dep: dep}
}

func (u *Universe) requirement(id ID, dep depID, yield func(rule)) {
	if u.deps[dep].complex {
		u.complexRules(id, dep, required, u.demand(dep, false), yield)
		return
	}
	providers := u.index.ofDep(dep)
	if u.index.system[dep] || contains(providers, id) {
		return
	}
	yield(rule{first: -id, rest: providers, shared: u.index.byDep[dep], origin: required, issuer: id, dep: dep})
}

func (u *Universe) conflict(id ID, dep depID, yield func(rule)) {
	if u.deps[dep].complex {
		u.complexRules(id, dep, conflicting, u.demand(dep, true), yield)
		return
	}
	if u.index.system[dep] { // RPM is always there
		yield(rule{first: -id, origin: conflicting, issuer: id, dep: dep})
		return
	}
	for _, other := range u.index.ofDep(dep) {
		if other != id { // a package may conflict with what it provides itself
			yield(opposed(id, other, conflicting, dep))
		}
	}
}

// complexRules gives one rule for each block of a formula that id demands.
func (u *Universe) complexRules(id ID, dep depID, origin listKind, f formula, yield func(rule)) {
	r := rule{first: -id, origin: origin, issuer: id, dep: dep}
	switch f.truth {
	case never, tooLarge:
		yield(r)
		return
	case always:
		return
	case depends:
	}
	for _, block := range f.blocks {
		if contains(block, id) || origin == conflicting && len(block) == 1 && block[0] == -id {
			continue // met by the package itself, or directed against itself
		}
		lits := union([]ID{-id}, block)
		r.first, r.rest = lits[0], lits[1:]
		yield(r)
	}
}

// isNamed reports whether dep, an entry of Obsoletes, means the package id. rpmbuild
// refuses boolean ones; what libsolv makes of them is that one part must mean the
// package, or both.
func (u *Universe) isNamed(id ID, dep depID) bool {
	d := &u.deps[dep]
	switch d.boolOp {
	case 0:
	case rpm.Or:
		return u.isNamed(id, d.left) || u.isNamed(id, d.right)
	case rpm.And, rpm.With:
		return u.isNamed(id, d.left) && u.isNamed(id, d.right)
	default:
		return false
	}
	r := u.relation(dep)
	return u.pkgs[id].name == d.name && is(u.evr(u.pkgs[id].evr), r.Op, r.EVR)
}

// obsoletedPackages lists what each package obsoletes under other names.
func (u *Universe) obsoletedPackages() table[ID] {
	t := newTable[ID]()
	for id := ID(1); int(id) < len(u.pkgs); id++ {
		for _, dep := range u.list(obsoleted, id) {
			for _, other := range u.index.ofDep(dep) {
				if u.pkgs[other].name != u.pkgs[id].name && u.isNamed(other, dep) &&
					!slices.Contains(t.items[t.start[id]:], other) {
					t.add(other)
				}
			}
		}
		t.endRow()
	}
	return t
}
