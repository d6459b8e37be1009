package depsolve

import "slices"

// A Link says why a package comes in: Package has a dependency that To
// provides. The first link of a chain has no Package: there it is the goal
// that asks for To.
type Link struct {
	Kind    LinkKind
	Package ID // None if the goal asks
	Dep     string
	To      ID
}

// A LinkKind is the kind of dependency of a Link.
type LinkKind uint8

// The kinds of links.
const (
	ByBuildRequires LinkKind = iota
	ByGroup
	ByRequires
	ByRecommends
	BySupplements // To supplements Dep, which Package provides
	ByBuildConflicts
)

// String is the kind in one word.
func (k LinkKind) String() string {
	return [...]string{"BuildRequires", "group", "Requires", "Recommends", "Supplements", "BuildConflicts"}[k]
}

// Why says why a package is in a buildroot: the shortest chain of dependencies
// that leads to it within the packages of a Result. Of several the one that
// comes first by BuildRequires, then by group is taken. It is nil if the
// package is not there.
func (s *Solver) Why(g Goal, packages []ID, id ID) []Link {
	return s.Whys(g, packages)(id)
}

// Whys is Why for several packages of one Result.
func (s *Solver) Whys(g Goal, packages []ID) func(id ID) []Link {
	s.prepare(g)
	c := newChainFinder(s.u, func(id ID) bool { return contains(packages, id) })
	c.addGoal(g, s.request.jobs)
	c.follow(func(from ID) {
		c.reachList(from, required, ByRequires)
		if s.weak {
			c.reachList(from, recommended, ByRecommends)
			c.reachSupplements(from)
		}
	})
	return c.to
}

// A chainFinder finds the shortest chains from a goal, breadth first.
type chainFinder struct {
	u      *Universe
	member func(ID) bool // which packages count
	links  map[ID]Link   // per package reached: the last link of its chain
	queue  []ID
}

func newChainFinder(u *Universe, member func(ID) bool) *chainFinder {
	return &chainFinder{u: u, member: member, links: make(map[ID]Link)}
}

func (c *chainFinder) reach(l Link) {
	if _, ok := c.links[l.To]; l.To > 0 && !ok && c.member(l.To) {
		c.links[l.To] = l
		c.queue = append(c.queue, l.To)
	}
}

// addGoal begins with what a goal asks for.
func (c *chainFinder) addGoal(g Goal, jobs []job) {
	for _, ofGroup := range []bool{false, true} {
		var asked Asked
		last := int32(-1)
		for _, j := range jobs {
			if j.require < 0 != ofGroup {
				continue
			}
			if j.require != last || ofGroup {
				asked, last = g.asked(j.require, j.name), j.require
			}
			for _, id := range j.lits {
				c.reach(Link{asked.Kind, None, asked.Dep, id})
			}
		}
	}
}

// follow calls next for every package reached, the nearest first.
func (c *chainFinder) follow(next func(ID)) {
	for i := 0; i < len(c.queue); i++ {
		next(c.queue[i])
	}
}

func (c *chainFinder) reachList(from ID, kind listKind, as LinkKind) {
	for _, dep := range c.u.list(kind, from) {
		for _, id := range c.u.index.ofDep(dep) {
			if _, ok := c.links[id]; !ok && c.member(id) {
				c.reach(Link{as, from, c.u.dep(dep).String(), id})
			}
		}
	}
}

func (c *chainFinder) reachSupplements(from ID) {
	for _, id := range c.u.weak.supplementing {
		if !c.member(id) {
			continue
		}
		for _, dep := range c.u.list(supplemented, id) {
			if contains(c.u.index.ofDep(dep), from) {
				c.reach(Link{BySupplements, from, c.u.dep(dep).String(), id})
			}
		}
	}
}

// to returns the chain to a package, or nil.
func (c *chainFinder) to(id ID) []Link {
	var chain []Link
	for id != None {
		l, ok := c.links[id]
		if !ok {
			return nil
		}
		chain = append(chain, l)
		id = l.Package
	}
	slices.Reverse(chain)
	return chain
}
