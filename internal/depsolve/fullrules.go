package depsolve

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// makeRules collects the rules of all packages that may matter, sorts them and
// adds the jobs.
func (f *fullSolver) makeRules(jobs []job) {
	f.reach(jobs)
	f.rules = append(f.rules[:0], fullRule{})
	f.sortRules()
	f.jobs = int32(len(f.rules))
	f.jobOf = f.jobOf[:0]
	for i, j := range jobs {
		f.rules = append(f.rules, fullRule{first: j.lits[0], rest: j.lits[1:]})
		f.jobOf = append(f.jobOf, int32(i))
	}
	f.learned = int32(len(f.rules))
	f.makeWatches()
}

// reach finds the rules of all packages that a goal might come to: the
// candidates of its jobs, what these require, recommend or suggest, and what
// supplements or enhances any of them.
func (f *fullSolver) reach(jobs []job) {
	r := reach{f: f, u: f.u, reached: make([]bool, len(f.u.pkgs))}
	f.texts.found = f.texts.found[:0]
	for _, j := range jobs {
		r.addAll(j.lits)
	}
	r.close()
	for more := true; more; {
		more = false
		for _, id := range r.u.weak.supplementing {
			if !r.reached[id] && !r.u.excluded[id] && r.mayBeWanted(id) {
				r.addAll([]ID{id})
				r.close()
				more = true
			}
		}
	}
}

type reach struct {
	f       *fullSolver
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
		rules := r.f.rulesOf(id)
		r.f.texts.found = append(r.f.texts.found, rules...)
		for _, rule := range rules {
			r.addAll(rule.rest)
		}
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
