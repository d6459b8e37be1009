package depsolve

import (
	"cmp"
	"slices"
)

// prune drops the candidates that libsolv would not even consider: those of
// worse repositories, old versions, those that other candidates obsolete and,
// if some candidates are recommended by what is installed, the others. What is
// left is sorted by name.
func (c *chooser) prune(ids []ID) []ID {
	c.recorder.compared(ids)
	ids = c.pruneToBest(ids)
	if len(ids) < 2 {
		return ids
	}
	return c.pruneToAdvised(ids)
}

// pruneToBest is prune without a look at what is installed.
func (c *chooser) pruneToBest(ids []ID) []ID {
	if len(ids) < 2 {
		return ids
	}
	if len(c.u.repos) > 1 {
		ids = c.pruneToBestRepo(ids)
	}
	ids = c.u.archs.prune(ids)
	slices.SortFunc(ids, c.u.compareNames)
	ids = c.pruneToBestVersions(ids)
	if len(ids) > 1 {
		ids = c.scratch.obsoletes.prune(c.u, ids)
	}
	return ids
}

func (c *chooser) pruneToBestRepo(ids []ID) []ID {
	best := c.u.priority(ids[0])
	for _, id := range ids[1:] {
		best = min(best, c.u.priority(id))
	}
	return slices.DeleteFunc(ids, func(id ID) bool { return c.u.priority(id) != best })
}

func (u *Universe) compareNames(a, b ID) int { return cmp.Compare(u.rank.name[a], u.rank.name[b]) }

// pruneToBestVersions keeps one package per name; ids are sorted by name.
func (c *chooser) pruneToBestVersions(ids []ID) []ID {
	best := ids[:1]
	for _, id := range ids[1:] {
		last := best[len(best)-1]
		switch {
		case c.u.pkgs[id].name != c.u.pkgs[last].name:
			best = append(best, id)
		case c.u.rank.evr[id] > c.u.rank.evr[last]:
			best[len(best)-1] = id
		}
	}
	return best
}

func (c *chooser) pruneToAdvised(ids []ID) []ID {
	n := 0
	for _, id := range ids {
		if c.isAdvised(id) {
			ids[n] = id
			n++
		}
	}
	if n == 0 {
		return ids
	}
	return ids[:n]
}

// order sorts the candidates that prune has left: the first is to be installed.
func (c *chooser) order(ids []ID) []ID {
	if len(ids) < 2 {
		return ids
	}
	c.toBack(ids, func(id ID) bool { return c.u.rank.old[id] })
	c.sortBySteps(ids)
	c.toBack(ids, func(id ID) bool { return !c.isSuggested(id) })
	return ids
}

// toBack moves some packages behind the others and keeps the order otherwise.
func (c *chooser) toBack(ids []ID, worse func(ID) bool) {
	back := c.scratch.back[:0]
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
	c.scratch.back = back
}
