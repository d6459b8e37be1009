package depsolve

import (
	"cmp"
	"slices"
)

// A ruleText is a clause before it is a rule.
type ruleText struct {
	first ID
	rest  []ID
}

// ruleTexts is where a fullSolver gathers and sorts rules.
type ruleTexts struct {
	of    [][]ruleText // per package: its rules, sorted, once they were asked for; nil before
	found []ruleText   // of the packages that jobs might come to
	dealt []ruleText   // some, by the package of the first literal
	start []int32      // per package, the last first: where in dealt
}

// rulesOf returns the rules of a package.
func (f *fullSolver) rulesOf(id ID) []ruleText {
	if f.texts.of[id] == nil {
		rules := []ruleText{}
		f.u.eachRule(id, func(r rule) {
			rest := r.rest
			if r.shared == (span{}) {
				rest = slices.Clone(rest)
			}
			rules = append(rules, ruleText{r.first, rest})
		})
		slices.SortFunc(rules, compareRules)
		f.texts.of[id] = rules
	}
	return f.texts.of[id]
}

// sorted returns rules in the order of compareRules, each once, until the next
// call. The first literal of each is negative, so that they can be dealt out by
// package; nearly all are then in order.
func (t *ruleTexts) sorted(rules []ruleText) []ruleText {
	t.deal(rules)
	once := t.dealt[:0]
	for dealt := t.dealt; len(dealt) > 0; {
		n := 1
		for n < len(dealt) && dealt[n].first == dealt[0].first {
			n++
		}
		if !slices.IsSortedFunc(dealt[:n], compareRules) { // those of several packages
			slices.SortFunc(dealt[:n], compareRules)
		}
		for i, r := range dealt[:n] {
			if i == 0 || compareRules(r, once[len(once)-1]) != 0 {
				once = append(once, r)
			}
		}
		dealt = dealt[n:]
	}
	return once
}

// deal puts rules into t.dealt by their first literal, ascending.
func (t *ruleTexts) deal(rules []ruleText) {
	last := len(t.start) - 1
	clear(t.start)
	for _, r := range rules {
		t.start[last+int(r.first)]++
	}
	var sum int32
	for i, n := range t.start {
		t.start[i] = sum
		sum += n
	}
	t.dealt = slices.Grow(t.dealt[:0], len(rules))[:len(rules)]
	for _, r := range rules {
		at := &t.start[last+int(r.first)]
		t.dealt[*at] = r
		*at++
	}
}

// compareRules sorts by the first literal, then by the others as if a zero
// followed them; of two literals sorts before of more.
func compareRules(a, b ruleText) int {
	if a.first != b.first {
		return cmp.Compare(a.first, b.first)
	}
	short := len(a.rest) < 2 || len(b.rest) < 2
	for i := 0; ; i++ {
		x, y := at(a.rest, i), at(b.rest, i)
		switch {
		case x != y && short && i > 0:
			return cmp.Compare(len(a.rest), len(b.rest))
		case x != y:
			return cmp.Compare(x, y)
		case x == 0:
			return 0
		}
	}
}

func at(lits []ID, i int) ID {
	if i < len(lits) {
		return lits[i]
	}
	return 0
}
