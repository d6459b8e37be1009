package depsolve

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// makeRules collects the rules of all packages that may matter, in libsolv's
// order, and adds the jobs, of which those of the group come first.
func (f *fullSolver) makeRules(jobs []job, ofGroup int) {
	f.commonReach(jobs[:ofGroup])
	r := f.reach(jobs[ofGroup:], slices.Clone(f.common.reached))
	f.rules = append(f.rules[:0], fullRule{})
	for r := range merged(f.common.rules, f.texts.sorted(r.rules), compareRules) {
		f.rules = append(f.rules, fullRule{first: r.first, rest: r.rest})
	}
	f.jobs = int32(len(f.rules))
	f.blamed = make([]bool, len(jobs))
	for _, j := range jobs {
		f.rules = append(f.rules, fullRule{first: j.lits[0], rest: j.lits[1:]})
	}
	f.archs = int32(len(f.rules))
	f.archRules = f.archRules[:0]
	f.u.archs.eachRule(func(id ID) bool { return r.reached[id] }, func(r rule) {
		f.rules = append(f.rules, fullRule{first: r.first, rest: r.rest})
		f.archRules = append(f.archRules, r)
	})
	f.learned = int32(len(f.rules))
	f.makeWatches()
}

// commonReach finds, once, what the jobs of the group come to.
func (f *fullSolver) commonReach(group []job) []bool {
	if f.common == nil {
		f.common = f.reach(group, make([]bool, len(f.u.pkgs)))
		f.common.rules = slices.Clone(f.texts.sorted(f.common.rules))
	}
	return f.common.reached
}

// A reach finds the packages that jobs might come to: their candidates, what
// these require, recommend or suggest, and what supplements or enhances any of
// them.
type reach struct {
	f       *fullSolver
	u       *Universe
	reached []bool     // per package
	ids     []ID       // those that were not reached before
	next    int        // ids[next:] have not been looked at
	rules   []ruleText // of ids
}

// reach finds what jobs come to besides what is reached already. The rules are
// there until the next call.
func (f *fullSolver) reach(jobs []job, reached []bool) *reach {
	r := &reach{f: f, u: f.u, reached: reached, rules: f.texts.found[:0]}
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
	f.texts.found = r.rules
	return r
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
		r.rules = append(r.rules, rules...)
		for _, rule := range rules {
			r.addAll(rule.rest)
		}
		r.addTwins(id)
		for _, kind := range []listKind{recommended, suggested} {
			for _, dep := range r.u.list(kind, id) {
				r.addWeak(dep)
			}
		}
	}
}

// addTwins adds the packages of a name and version that are of better
// architectures.
func (r *reach) addTwins(id ID) {
	m := r.u.archs
	if m == nil || m.rank[id] <= bestArch {
		return
	}
	p := &r.u.pkgs[id]
	for other := range r.u.named(p.name) {
		if r.u.pkgs[other].evr == p.evr && m.rank[other] > noarch && m.rank[other] < m.rank[id] {
			r.addAll([]ID{other})
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
