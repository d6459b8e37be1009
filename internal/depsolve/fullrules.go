package depsolve

import (
	"cmp"
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// makeRules collects the rules of all packages that may matter, sorts them and
// adds the jobs.
func (f *fullSolver) makeRules(jobs []job) {
	f.rules = append(f.rules[:0], fullRule{})
	for _, id := range f.u.reachable(jobs) {
		f.u.eachRule(id, func(r rule) {
			rest := r.rest
			if r.shared == (span{}) {
				rest = slices.Clone(rest)
			}
			f.rules = append(f.rules, fullRule{first: r.first, rest: rest})
		})
	}
	slices.SortStableFunc(f.rules[1:], compareFullRules)
	f.rules = slices.CompactFunc(f.rules, func(a, b fullRule) bool {
		return a.first != 0 && compareFullRules(a, b) == 0
	})
	f.jobs = int32(len(f.rules))
	f.jobOf = f.jobOf[:0]
	for i, j := range jobs {
		f.rules = append(f.rules, fullRule{first: j.lits[0], rest: j.lits[1:]})
		f.jobOf = append(f.jobOf, int32(i))
	}
	f.learned = int32(len(f.rules))
	f.makeWatches()
}

// compareFullRules sorts by the first literal, then by the others as if a zero
// followed them; of two literals sorts before of more.
func compareFullRules(a, b fullRule) int {
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

// reachable returns all packages that a goal might come to, ascending: the
// candidates of its jobs, what these require, recommend or suggest, and what
// supplements or enhances any of them.
func (u *Universe) reachable(jobs []job) []ID {
	r := reach{u: u, reached: make([]bool, len(u.pkgs))}
	for _, j := range jobs {
		r.addAll(j.lits)
	}
	r.close()
	for more := true; more; {
		more = false
		for _, id := range u.weak.supplementing {
			if !r.reached[id] && !u.excluded[id] && r.mayBeWanted(id) {
				r.addAll([]ID{id})
				r.close()
				more = true
			}
		}
	}
	ids := r.ids
	slices.Sort(ids)
	return ids
}

type reach struct {
	u       *Universe
	reached []bool
	ids     []ID
	next    int // ids[next:] have not been looked at
}

// addAll adds the packages that literals ask for.
func (r *reach) addAll(lits []ID) {
	for _, id := range lits {
		if id > 0 && !r.reached[id] {
			r.reached[id] = true
			r.ids = append(r.ids, id)
		}
	}
}

func (r *reach) close() {
	for ; r.next < len(r.ids); r.next++ {
		id := r.ids[r.next]
		r.u.eachRule(id, func(rule rule) { r.addAll(rule.rest) })
		for _, kind := range []listKind{recommended, suggested} {
			for _, dep := range r.u.list(kind, id) {
				r.addWeak(dep)
			}
		}
	}
}

func (r *reach) addWeak(dep depID) {
	if r.u.deps[dep].complex {
		r.addPositive(r.u.dep(dep), false)
		return
	}
	r.addAll(r.u.index.ofDep(dep))
}

// addPositive adds what a boolean dependency may ask for, conditions excepted.
func (r *reach) addPositive(d *rpm.Dep, negated bool) {
	switch d.Op {
	case rpm.And, rpm.Or:
		r.addPositive(d.Left, negated)
		r.addPositive(d.Right, negated)
	case rpm.If, rpm.Unless:
		condition, alternative := splitCondition(d)
		r.addPositive(d.Left, negated)
		r.addPositive(condition, !negated)
		if alternative != nil {
			r.addPositive(alternative, negated)
		}
	default:
		if !negated {
			ids, _ := r.u.providers(d)
			r.addAll(ids)
		}
	}
}

// mayBeWanted reports whether a package might come to supplement or enhance
// something.
func (r *reach) mayBeWanted(id ID) bool {
	return slices.ContainsFunc(r.u.list(supplemented, id), r.isPossible) ||
		slices.ContainsFunc(r.u.list(enhanced, id), r.isPossible)
}

func (r *reach) isPossible(dep depID) bool {
	switch d := &r.u.deps[dep]; d.boolOp {
	case rpm.If, rpm.Unless:
		return true
	case rpm.And:
		return r.isPossible(d.left) && r.isPossible(d.right)
	case rpm.Or:
		return r.isPossible(d.left) || r.isPossible(d.right)
	}
	return slices.ContainsFunc(r.u.index.ofDep(dep), func(id ID) bool { return r.reached[id] })
}
