package depsolve

import (
	"cmp"
	"slices"
	"strings"
)

// policyScratch is reused from choice to choice.
type policyScratch struct {
	candidates []ID
	back       []ID
	steps      []step
	badness    []int32
	obsoletes  obsoleteFinder
}

// prune drops the candidates that libsolv would not even consider: those of
// worse repositories, old versions, those that other candidates obsolete and,
// if some candidates are recommended by what is installed, the others. What is
// left is sorted by name.
func (s *Solver) prune(ids []ID) []ID {
	ids = s.pruneToBest(ids)
	if len(ids) < 2 {
		return ids
	}
	return s.pruneToAdvised(ids)
}

// pruneToBest is prune without a look at what is installed.
func (s *Solver) pruneToBest(ids []ID) []ID {
	if len(ids) < 2 {
		return ids
	}
	if len(s.u.repos) > 1 {
		ids = s.pruneToBestRepo(ids)
	}
	slices.SortFunc(ids, s.u.compareNames)
	ids = s.pruneToBestVersions(ids)
	if len(ids) > 1 {
		ids = s.policy.obsoletes.prune(s.u, ids)
	}
	return ids
}

func (s *Solver) pruneToBestRepo(ids []ID) []ID {
	best := s.u.priority(ids[0])
	for _, id := range ids[1:] {
		best = min(best, s.u.priority(id))
	}
	return slices.DeleteFunc(ids, func(id ID) bool { return s.u.priority(id) != best })
}

func (u *Universe) compareNames(a, b ID) int {
	if x, y := u.pkgs[a].name, u.pkgs[b].name; x != y {
		return strings.Compare(u.symbols.string(x), u.symbols.string(y))
	}
	return cmp.Compare(a, b)
}

// pruneToBestVersions keeps one package per name; ids are sorted by name.
func (s *Solver) pruneToBestVersions(ids []ID) []ID {
	best := ids[:1]
	for _, id := range ids[1:] {
		last := best[len(best)-1]
		switch {
		case s.u.pkgs[id].name != s.u.pkgs[last].name:
			best = append(best, id)
		case s.u.rank.evr[id] > s.u.rank.evr[last]:
			best[len(best)-1] = id
		}
	}
	return best
}

func (s *Solver) pruneToAdvised(ids []ID) []ID {
	if !slices.ContainsFunc(ids, s.isAdvised) {
		return ids
	}
	return slices.DeleteFunc(ids, func(id ID) bool { return !s.isAdvised(id) })
}

// order sorts the candidates that prune has left: the first is to be installed.
func (s *Solver) order(ids []ID) []ID {
	if len(ids) < 2 {
		return ids
	}
	s.toBack(ids, func(id ID) bool { return s.u.rank.old[id] })
	s.sortBySteps(ids)
	s.toBack(ids, func(id ID) bool { return !s.isSuggested(id) })
	return ids
}

// toBack moves some packages behind the others and keeps the order otherwise.
func (s *Solver) toBack(ids []ID, worse func(ID) bool) {
	back := s.policy.back[:0]
	n := 0
	for _, id := range ids {
		if worse(id) {
			back = append(back, id)
			continue
		}
		ids[n] = id
		n++
	}
	copy(ids[n:], back)
	s.policy.back = back
}
