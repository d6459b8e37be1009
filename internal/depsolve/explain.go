package depsolve

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// Explain says why a goal has no solution. Each problem stands for itself: it
// would be there without the others. A goal that has a solution has no
// problems. It takes far longer than Solve.
func (s *Solver) Explain(g Goal) []Problem {
	s.prepare(g)
	if s.base.alone == untried {
		s.prepare(Goal{Group: g.Group})
		s.base.alone = s.try()
		s.prepare(g)
	}
	var problems []Problem
	for _, l := range s.request.lacks {
		problems = append(problems, Problem{[]Reason{s.u.reasonOfLack(g, l)}, []Asked{g.asked(l.require, l.detail)}})
	}
	if len(problems) > 0 && s.tryPresent() == solved {
		return problems
	}
	f := s.fullSolver()
	f.solve(s.request.jobs, s.base.jobs, func() bool { return s.base.alone == solved && f.onlyGroupLeft(s.base.jobs) })
	if f.isTired() && len(f.problems) == 0 {
		return append(problems, Problem{Reasons: []Reason{s.u.reason(TooLong, None, None, "")}})
	}
	for _, p := range f.problems {
		e := explainer{f: f, goal: g, rules: f.provenBy(p.proof)}
		e.findOrigins()
		for _, job := range p.jobs {
			e.jobs = append(e.jobs, s.request.jobs[job])
		}
		if problem := e.problem(); !slices.ContainsFunc(problems, problem.saysTheSame) {
			problems = append(problems, problem)
		}
	}
	return problems
}

// saysTheSame reports whether p and q have the same reasons.
func (p Problem) saysTheSame(q Problem) bool {
	if len(p.Reasons) != len(q.Reasons) {
		return false
	}
	for _, r := range p.Reasons {
		if !slices.ContainsFunc(q.Reasons, func(other Reason) bool { return other.Text == r.Text }) {
			return false
		}
	}
	return true
}

// provenBy returns the rules of packages and jobs that a proof rests on, in
// the order of the proof.
func (f *fullSolver) provenBy(proof int32) []int32 {
	var rules []int32
	unfolded := make([]bool, len(f.rules))
	var unfold func(proof int32)
	unfold = func(proof int32) {
		for _, i := range f.proofOf(proof) {
			switch {
			case unfolded[i]:
			case i < f.learned:
				unfolded[i] = true
				rules = append(rules, i)
			default:
				unfolded[i] = true
				unfold(f.learnedBy[i-f.learned])
			}
		}
	}
	unfold(proof)
	return rules
}

// An explainer turns the rules of a proof into reasons.
type explainer struct {
	f     *fullSolver
	goal  Goal
	jobs  []job   // that take part in the problem
	rules []int32 // of the proof

	origins map[place][]rule // per package and rule of the proof
}

// A place is where a rule of a proof may come from.
type place struct {
	id   ID
	rule int32
}

func (e *explainer) problem() Problem {
	p := Problem{Asked: e.asked()}
	said := make(map[string]bool)
	for _, i := range e.rules {
		for _, r := range e.reasons(i) {
			if !said[r.Text] {
				said[r.Text] = true
				p.Reasons = append(p.Reasons, r)
			}
		}
	}
	chains := e.chains()
	for i := range p.Reasons {
		r := &p.Reasons[i]
		if r.Package != None {
			r.Chain = chains.to(r.Package)
		}
		if r.Other != None {
			r.OtherChain = chains.to(r.Other)
		}
	}
	return p
}

// asked are the entries of the goal that the jobs stand for.
func (e *explainer) asked() []Asked {
	var asked []Asked
	for i, j := range e.jobs {
		if i > 0 && j.require >= 0 && j.require == e.jobs[i-1].require {
			continue
		}
		if a := e.goal.asked(j.require, j.name); !slices.Contains(asked, a) {
			asked = append(asked, a)
		}
	}
	return asked
}

// reasons returns all facts that one rule stands for.
func (e *explainer) reasons(i int32) []Reason {
	switch {
	case i >= e.f.archs:
		return []Reason{e.f.u.reason(Inferior, e.f.archRules[i-e.f.archs].issuer, None, "")}
	case i >= e.f.jobs:
		return []Reason{e.f.u.reason(Requested, None, None, "")}
	}
	var reasons []Reason
	for r := range e.originsOf(i) {
		reasons = append(reasons, e.f.u.reasonOf(r))
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Other, b.Other))
	})
	return reasons
}

// findOrigins finds what packages demand the rules of the proof.
func (e *explainer) findOrigins() {
	byText := make(map[uint64][]int32)
	packages := make(map[ID]bool)
	for _, i := range e.rules {
		if i < e.f.jobs {
			r := &e.f.rules[i]
			byText[r.hash()] = append(byText[r.hash()], i)
			for lit := range r.eachLiteral {
				if lit > 0 {
					break
				}
				packages[-lit] = true
			}
		}
	}
	e.origins = make(map[place][]rule)
	for id := range packages {
		e.f.u.eachRule(id, func(r rule) {
			e.f.steps++
			same := fullRule{first: r.first, rest: r.rest}
			for _, i := range byText[same.hash()] {
				if this := &e.f.rules[i]; r.first == this.first && slices.Equal(r.rest, this.rest) {
					r.rest = this.rest
					e.origins[place{id, i}] = append(e.origins[place{id, i}], r)
				}
			}
		})
	}
}

func (r *fullRule) hash() uint64 {
	h := uint64(0)
	for lit := range r.eachLiteral {
		h = mix(h, uint64(lit))
	}
	return h
}

// originsOf yields each demand of a package that one rule stands for: packages can
// demand the same for several reasons.
func (e *explainer) originsOf(i int32) iter.Seq[rule] {
	return func(yield func(rule) bool) {
		for lit := range e.f.rules[i].eachLiteral {
			if lit > 0 {
				return
			}
			for _, r := range e.origins[place{-lit, i}] {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// chains finds how the goal leads to the packages that a proof is about, along
// the requirements in the proof.
func (e *explainer) chains() *chainFinder {
	type need struct {
		by  ID
		dep depID
		to  ID
	}
	known := make(map[need]bool)
	needs := make(map[ID][]need)
	for _, i := range e.rules {
		if i >= e.f.jobs {
			continue
		}
		for r := range e.originsOf(i) {
			if r.origin != required || r.dep == 0 {
				continue
			}
			for _, id := range r.rest {
				if n := (need{r.issuer, r.dep, id}); !known[n] {
					known[n] = true
					needs[r.issuer] = append(needs[r.issuer], n)
				}
			}
		}
	}
	c := newChainFinder(e.f.u, func(ID) bool { return true })
	c.addGoal(e.goal, e.jobs)
	c.follow(func(from ID) {
		for _, n := range needs[from] {
			if _, ok := c.links[n.to]; !ok {
				c.reach(Link{ByRequires, from, e.f.u.dep(n.dep).String(), n.to})
			}
		}
	})
	return c
}

// reasonOfLack words what rules out a goal by itself.
func (u *Universe) reasonOfLack(g Goal, l lack) Reason {
	asked := g.asked(l.require, l.detail)
	r := u.reason(l.kind, None, None, asked.Dep)
	switch {
	case asked.Kind == ByGroup:
		r.Text = "the group asks for " + strings.TrimPrefix(r.Text, "it asks for ")
	case l.kind == Unreadable:
		r.Text = "it cannot be read: " + l.detail
	case asked.Kind == ByBuildConflicts && l.kind == Missing:
		r.Text = "there is no buildroot without " + r.Dep
	case l.kind == Missing && r.Dep != "":
		r.Available = u.available(g.Requires[l.require])
	}
	return r
}

// reasonOf words the rule of a package.
func (u *Universe) reasonOf(r rule) Reason {
	other := None
	if len(r.rest) == 1 && r.rest[0] < 0 {
		if other = -r.rest[0]; other == r.issuer {
			other = -r.first
		}
	}
	if r.dep == 0 {
		if r.origin == required {
			return u.reason(Excluded, r.issuer, None, "")
		}
		return u.reason(SameName, max(r.issuer, other), min(r.issuer, other), "")
	}
	dep := u.dep(r.dep)
	switch {
	case u.tooLarge[r.dep]:
		return u.reason(TooLarge, r.issuer, None, dep.String())
	case r.origin == obsoleted:
		return u.reason(Obsoletes, r.issuer, other, dep.String())
	case r.origin == conflicting:
		return u.reason(Conflicts, r.issuer, other, dep.String())
	case len(r.rest) > 0:
		return u.reason(NotInstallable, r.issuer, None, dep.String())
	}
	reason := u.reason(NothingProvides, r.issuer, None, dep.String())
	if dep.Op == 0 {
		reason.Available = u.available(dep.Relation)
	}
	return reason
}
