package depsolve

import (
	"cmp"
	"slices"
	"strings"
)

// A ranking orders packages.
type ranking struct {
	name []int32 // per package: its place in the order of names, then IDs
	evr  []int32 // per package: compares versions of one name
	old  []bool  // per package: there is a better version of it

	steps table[depID] // per package: see step
}

func (u *Universe) rankPackages() {
	r := &u.rank
	r.name = u.rankNames()
	r.evr = make([]int32, len(u.pkgs))
	r.old = make([]bool, len(u.pkgs))
	r.steps = u.collectSteps()
	var ids []ID
	for name := range u.index.byName {
		if u.index.byName[name].n < 2 {
			continue
		}
		ids = slices.AppendSeq(ids[:0], u.named(symbol(name)))
		if len(ids) > 1 {
			u.rankVersions(ids)
		}
	}
}

func (u *Universe) rankNames() []int32 {
	ids := make([]ID, u.Len())
	for i := range ids {
		ids[i] = ID(i + 1)
	}
	slices.SortFunc(ids, func(a, b ID) int { return cmp.Or(strings.Compare(u.Name(a), u.Name(b)), cmp.Compare(a, b)) })
	places := make([]int32, len(u.pkgs))
	for i, id := range ids {
		places[id] = int32(i)
	}
	return places
}

func (u *Universe) rankVersions(ids []ID) {
	slices.SortStableFunc(ids, u.compareEVR)
	for i, id := range ids[1:] {
		previous := ids[i]
		u.rank.evr[id] = u.rank.evr[previous]
		if u.compareEVR(previous, id) < 0 {
			u.rank.evr[id]++
		}
	}
	for _, id := range ids {
		u.rank.old[id] = slices.ContainsFunc(ids, func(other ID) bool { return u.replaces(other, id) })
	}
}

func (u *Universe) compareEVR(a, b ID) int {
	return u.evr(u.pkgs[a].evr).Order(u.evr(u.pkgs[b].evr))
}

// replaces reports whether other is the better version of id, a package of the
// same name.
func (u *Universe) replaces(other, id ID) bool {
	if other == id || u.pkgs[other].arch != u.pkgs[id].arch {
		return false
	}
	if a, b := u.priority(other), u.priority(id); a != b {
		return a < b
	}
	return u.rank.evr[other] > u.rank.evr[id]
}

func (u *Universe) priority(id ID) int { return u.repos[u.pkgs[id].repo].priority }
