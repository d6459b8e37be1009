package depsolve

import "slices"

// A fullSolver does what libsolv does, step by step: it learns from conflicts,
// and it finds out which jobs cannot be met together. Where it looks first
// decides what it learns, so its rules, watches and decisions are kept in
// libsolv's order. That makes it slow; Solver uses it only for goals that need
// it.
type fullSolver struct {
	chooser
	why     []int32 // per decision of the trail: the rule it follows from, 0 if it was a choice
	pending int     // trail[pending:] has not been propagated

	texts      ruleTexts
	common     *reach     // of the group, its rules sorted; nil until it is needed
	rules      []fullRule // of packages, of jobs, learned; the first is none
	jobs       int32      // where rules of jobs begin
	archs      int32      // where rules of architectures begin
	learned    int32      // where learned rules begin
	blamed     []bool     // per job, for blame
	archRules  []rule     // the rules of architectures
	assertions []int32    // rules of one literal
	heads      []int32    // per literal, from -n to n: the first rule that watches it

	proofs    []int32 // lists of rules that learned rules and problems follow from, each ends with 0
	learnedBy []int32 // per learned rule: where its list begins
	problems  []fullProblem

	weak bool
	seen []bool // per package, for analyze
}

// A fullRule is a clause in the order of libsolv.
type fullRule struct {
	first    ID
	rest     []ID
	watched  [2]ID
	next     [2]int32 // the next rule that watches watched[0], watched[1]
	disabled bool
}

// A fullProblem is a set of jobs that cannot be met together.
type fullProblem struct {
	proof int32 // where the list of rules it follows from begins
	jobs  []int32
}

func newFullSolver(u *Universe, weak bool) *fullSolver {
	return &fullSolver{
		chooser: newChooser(u),
		heads:   make([]int32, 2*len(u.pkgs)),
		texts:   ruleTexts{of: make([][]ruleText, len(u.pkgs)), start: make([]int32, len(u.pkgs)+1)},
		weak:    weak,
		seen:    make([]bool, len(u.pkgs)),
	}
}

// solveFully solves the current request once more, completely.
func (s *Solver) solveFully() Result {
	f := s.fullSolver()
	f.solve(s.request.jobs, s.base.jobs, func() bool { return true })
	if len(f.problems) > 0 || f.isTired() {
		return Result{}
	}
	return Result{OK: true, Packages: f.installed()}
}

func (s *Solver) fullSolver() *fullSolver {
	if s.full == nil {
		s.full = newFullSolver(s.u, s.weak)
	}
	return s.full
}

// solve finds packages to install, or problems, until these are enough. The first
// jobs are the group's, always those that f.common was made of.
func (f *fullSolver) solve(jobs []job, ofGroup int, enough func() bool) {
	f.undo(0)
	f.branches, f.options = f.branches[:0], f.options[:0]
	f.proofs, f.learnedBy, f.problems = f.proofs[:0], f.learnedBy[:0], nil
	f.steps = 0
	f.makeRules(jobs, ofGroup)
	f.search(enough)
}

// onlyGroupLeft reports whether all jobs but those of the group are disabled.
func (f *fullSolver) onlyGroupLeft(ofGroup int) bool {
	return !slices.ContainsFunc(f.rules[int(f.jobs)+ofGroup:f.archs], func(r fullRule) bool { return !r.disabled })
}

// eachLiteral calls yield with every literal of r until it returns false.
func (r *fullRule) eachLiteral(yield func(ID) bool) {
	if !yield(r.first) {
		return
	}
	for _, lit := range r.rest {
		if !yield(lit) {
			return
		}
	}
}
