package depsolve

import (
	"cmp"
	"slices"
)

// rules is everything that packages demand, as clauses: lists of literals of
// which one must be true. Clauses of one or two literals, nearly all, are kept
// apart, in a form that is quick to follow.
type rules struct {
	never   []ID         // packages that nothing makes installable
	follows literalTable // what follows from each literal by clauses of two
	clauses []clause     // longer clauses, in libsolv's order; the first is none
	guards  table[int32] // per package: the clauses that say "not this package, or"

	obsoletes table[ID] // per package: those of other names that it obsoletes
}

// A clause has three literals or more, ascending.
type clause struct {
	first ID   // the lowest literal: a package not being installed
	rest  span // the other literals, in providerIndex.lists
}

func (u *Universe) rest(c *clause) []ID { return u.index.at(c.rest) }

// makeRules works out the rules of all packages.
func (u *Universe) makeRules() {
	u.rules.obsoletes = u.obsoletedPackages()
	c := ruleCollector{u: u}
	for id := ID(len(u.pkgs) - 1); id > 0; id-- {
		u.eachRule(id, c.add)
	}
	u.archs.eachRule(func(id ID) bool { return !u.archs.isLonely(id) }, c.add)
	c.finish()
}

// A ruleCollector sorts rules into the tables of a Universe.
type ruleCollector struct {
	u         *Universe
	never     []ID
	implied   []pair[ID]
	conflicts []pair[ID]
	clauses   []clause
}

// add takes a rule: literals of which the first is the lowest.
func (c *ruleCollector) add(r rule) {
	switch {
	case len(r.rest) == 0:
		c.never = append(c.never, -r.first)
	case len(r.rest) > 1:
		c.clauses = append(c.clauses, clause{r.first, c.keep(r)})
	case r.rest[0] > 0:
		c.implied = append(c.implied, pair[ID]{int32(-r.first), r.rest[0]})
	default:
		c.conflicts = append(c.conflicts, pair[ID]{int32(-r.first), -r.rest[0]})
	}
}

// keep returns where the literals of a rule are kept.
func (c *ruleCollector) keep(r rule) span {
	if r.shared != (span{}) {
		return r.shared
	}
	return c.u.index.store(r.rest)
}

func (c *ruleCollector) finish() {
	rules := &c.u.rules
	n := len(c.u.pkgs)
	c.never = slices.Compact(c.never)
	c.implied = sortedPairs(n, c.implied)
	c.conflicts = sortedPairs(n, c.conflicts)
	rules.never = c.never
	rules.follows = followsOf(n, c.implied, c.conflicts)
	slices.SortStableFunc(c.clauses, c.u.compareClauses)
	c.clauses = slices.CompactFunc(c.clauses, func(a, b clause) bool { return c.u.compareClauses(a, b) == 0 })
	rules.clauses = slices.Insert(c.clauses, 0, clause{})
	rules.guards = c.u.guards()
}

// sortedPairs sorts pairs of packages, of which there are n, and keeps each
// once. There are so many that tables sort them faster than comparisons do.
func sortedPairs(n int, pairs []pair[ID]) []pair[ID] {
	return slices.Compact(transposed(n, transposed(n, pairs)))
}

// transposed swaps row and item in all pairs, which it sorts by their new row.
func transposed(n int, pairs []pair[ID]) []pair[ID] {
	for i, p := range pairs {
		pairs[i] = pair[ID]{int32(p.item), ID(p.row)}
	}
	t := tableOf(n, pairs)
	pairs = pairs[:0]
	for row := range int32(n) {
		for _, item := range t.row(row) {
			pairs = append(pairs, pair[ID]{row, item})
		}
	}
	return pairs
}

// followsOf puts clauses of two literals into a table. Either of the two follows
// from the other one's being false.
func followsOf(n int, implied, conflicts []pair[ID]) literalTable {
	t := literalTable{packages: int32(n)}
	pairs := make([]pair[ID], 0, 2*(len(implied)+len(conflicts)))
	for _, p := range implied {
		pairs = append(pairs, pair[ID]{t.rowOf(ID(p.row)), p.item}, pair[ID]{t.rowOf(-p.item), -ID(p.row)})
	}
	for _, p := range conflicts {
		pairs = append(pairs, pair[ID]{t.rowOf(ID(p.row)), -p.item})
	}
	for _, p := range conflicts {
		pairs = append(pairs, pair[ID]{t.rowOf(p.item), -ID(p.row)})
	}
	t.table = tableOf(2*n, pairs)
	return t
}

// compareClauses is libsolv's order of rules: by the first literal, which puts
// the packages added last first, then by the others.
func (u *Universe) compareClauses(a, b clause) int {
	if a.first != b.first {
		return cmp.Compare(a.first, b.first)
	}
	if a.rest == b.rest {
		return 0
	}
	return slices.Compare(u.rest(&a), u.rest(&b))
}

func (u *Universe) guards() table[int32] {
	var pairs []pair[int32]
	for i := 1; i < len(u.rules.clauses); i++ {
		c := &u.rules.clauses[i]
		pairs = append(pairs, pair[int32]{int32(-c.first), int32(i)})
		for _, lit := range u.rest(c) {
			if lit > 0 {
				break
			}
			pairs = append(pairs, pair[int32]{int32(-lit), int32(i)})
		}
	}
	return tableOf(len(u.pkgs), pairs)
}
