package depsolve

import (
	"cmp"
	"slices"
)

// A Change tells what of an old universe still holds in a new one. If only
// versions have moved and nothing else, all answers still hold: they name the
// same packages, which only have other versions.
type Change struct {
	from, to *Universe

	now       []ID     // per old package: the new one at its place, None if there is none
	same      []ID     // per old package: the new one of the same NEVRA
	kept      []aspect // per old package: what is known of it still holds
	weak      bool     // the same packages supplement the same
	structure bool     // everything still holds
}

// Compare compares two universes. It takes about as long as making one.
func Compare(from, to *Universe) *Change {
	c := &Change{from: from, to: to}
	before, after := from.signatures(), to.signatures()
	c.match(before, after)
	c.matchExactly()
	c.dropDisplaced()
	c.weak = before.weak == after.weak
	c.structure = c.weak && len(from.pkgs) == len(to.pkgs)
	c.kept = make([]aspect, len(from.pkgs))
	for id := 1; id < len(c.now); id++ {
		now := c.now[id]
		if now == None {
			c.structure = false
			continue
		}
		if before.demands[id] == after.demands[now] {
			c.kept[id] |= demands
		}
		if before.dependents[id] == after.dependents[now] {
			c.kept[id] |= dependents
		}
		if before.merits[id] == after.merits[now] {
			c.kept[id] |= merits
		}
		c.structure = c.structure && c.kept[id] == demands|dependents|merits
	}
	return c
}

// match finds the new package of every old one by its key.
func (c *Change) match(before, after *signatures) {
	c.now = make([]ID, len(before.keys))
	byKey := make(map[uint64]ID, len(after.keys))
	for id := 1; id < len(after.keys); id++ {
		byKey[after.keys[id]] = ID(id)
	}
	for id := 1; id < len(before.keys); id++ {
		c.now[id] = byKey[before.keys[id]]
	}
}

// matchExactly finds the new packages that are the old ones.
func (c *Change) matchExactly() {
	c.same = make([]ID, len(c.now))
	for id := ID(1); int(id) < len(c.now); id++ {
		nevra := c.from.NEVRA(id)
		if now := c.now[id]; now != None && c.to.NEVRA(now) == nevra {
			c.same[id] = now
			continue
		}
		name, _ := c.to.symbols.find(nevra.Name)
		for now := range c.to.named(name) {
			if c.to.NEVRA(now) == nevra {
				c.same[id] = now
				break
			}
		}
	}
}

// dropDisplaced makes the matches keep the order of packages, which is part of
// all answers: those outside the longest ascending sequence are dropped.
func (c *Change) dropDisplaced() {
	var tails []ID // tails[n] is the old package that ends the best sequence of length n+1
	previous := make([]ID, len(c.now))
	for id := ID(1); int(id) < len(c.now); id++ {
		if c.now[id] == None {
			continue
		}
		n, _ := slices.BinarySearchFunc(tails, c.now[id], func(tail, now ID) int { return cmp.Compare(c.now[tail], now) })
		if n > 0 {
			previous[id] = tails[n-1]
		}
		if n == len(tails) {
			tails = append(tails, id)
		} else {
			tails[n] = id
		}
	}
	ordered := make([]ID, len(c.now))
	for id := last(tails); id != None; id = previous[id] {
		ordered[id] = c.now[id]
	}
	c.now = ordered
}

func last(ids []ID) ID {
	if len(ids) == 0 {
		return None
	}
	return ids[len(ids)-1]
}

// Keeps reports whether the answer to a goal still holds, given its Record in
// the old universe. The solver must be one of the new universe, with the
// options of the one that answered. For a goal that has no solution it is the
// verdict that still holds; the versions in an explanation may have moved.
func (c *Change) Keeps(s *Solver, g Goal, r *Record) bool {
	uncertain := r.fully || c.from.archs.doubts() || c.to.archs.doubts()
	if uncertain && !c.structure || r.weak && !c.weak {
		return false
	}
	s.prepare(g)
	return s.u.signatures().ofRequest(&s.request) == r.jobs && c.keepsAll(r.base) && c.keepsAll(r.touched)
}

func (c *Change) keepsAll(touched []touch) bool {
	for _, t := range touched {
		if t.how()&^c.kept[t.id()] != 0 {
			return false
		}
	}
	return true
}

// Packages returns the new packages for those of an answer that still holds.
func (c *Change) Packages(ids []ID) []ID {
	now := make([]ID, len(ids))
	for i, id := range ids {
		now[i] = c.now[id]
	}
	return now
}

// Follow returns the answer to a goal in the new universe, given that in the
// old one. It solves the goal again only if it has to, and tells whether it has.
// The solver is as for Keeps.
func (c *Change) Follow(s *Solver, g Goal, before Result, r *Record) (after Result, solved bool) {
	if !c.Keeps(s, g, r) {
		return s.Solve(g), true
	}
	return Result{OK: before.OK, Packages: c.Packages(before.Packages)}, false
}

// An Effect is what a change does to the answer to a goal.
type Effect uint8

// The effects of a change.
const (
	Unchanged Effect = iota // the same packages in the same versions
	Moved                   // other packages or other versions
	Broken                  // there is no solution any more
	Fixed                   // there is a solution now
)

// String is the effect in one word.
func (e Effect) String() string {
	return [...]string{"unchanged", "moved", "broken", "fixed"}[e]
}

// Effect compares the answers before and after.
func (c *Change) Effect(before, after Result) Effect {
	switch {
	case before.OK && !after.OK:
		return Broken
	case !before.OK && after.OK:
		return Fixed
	case len(before.Packages) != len(after.Packages):
		return Moved
	}
	for _, id := range before.Packages {
		if now := c.same[id]; now == None || !contains(after.Packages, now) {
			return Moved
		}
	}
	return Unchanged
}
