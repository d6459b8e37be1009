package depsolve

import "slices"

// decideAssertions makes the decisions of rules with one literal. Jobs that
// contradict each other or what packages demand become problems and are
// disabled.
func (f *fullSolver) decideAssertions() {
	for clean := false; !clean; {
		f.undo(0)
		f.level = 1
		clean = true
		for _, i := range f.assertions {
			r := &f.rules[i]
			switch {
			case r.disabled || f.isTrue(r.first):
			case !f.isFalse(r.first):
				f.decideBecause(r.first, i)
			case i >= f.learned:
				r.disabled = true
			default:
				f.addAssertionProblem(i)
				f.updateLearned()
				clean = false
			}
			if !clean {
				break
			}
		}
	}
}

// addAssertionProblem notes that the job of a rule contradicts what was
// decided before, and disables it.
func (f *fullSolver) addAssertionProblem(i int32) {
	lit := f.rules[i].first
	why := f.why[slices.Index(f.trail, -lit)]
	p := fullProblem{proof: int32(len(f.proofs))}
	if why < f.jobs {
		f.blame(&p, i)
	} else {
		for j := f.jobs; j < f.archs; j++ {
			if r := &f.rules[j]; !r.disabled && len(r.rest) == 0 && abs(r.first) == abs(lit) {
				f.blame(&p, j)
			}
		}
	}
	f.proofs = append(f.proofs, i, why, 0)
	f.addProblem(p)
}

// blame notes that a rule takes part in a problem, if it is one of a job.
func (f *fullSolver) blame(p *fullProblem, i int32) {
	if i < f.jobs || i >= f.archs {
		return
	}
	if job := i - f.jobs; !f.blamed[job] {
		f.blamed[job] = true
		p.jobs = append(p.jobs, job)
	}
}

// addProblem notes a problem and disables its jobs.
func (f *fullSolver) addProblem(p fullProblem) {
	f.problems = append(f.problems, p)
	for _, job := range p.jobs {
		f.rules[f.jobs+job].disabled = true
		f.blamed[job] = false
	}
}

// analyzeUnsolvable is called for a rule that is broken without any choice
// having been made. All rules that this follows from are a problem.
func (f *fullSolver) analyzeUnsolvable(broken int32) {
	p := fullProblem{proof: int32(len(f.proofs))}
	involved := f.seen
	defer clear(involved)
	unfolded := make([]bool, len(f.rules))
	add := func(i int32) {
		f.proofs = append(f.proofs, i)
		f.steps += int64(len(f.rules[i].rest))
		f.blameAll(&p, i, unfolded)
		f.rules[i].eachLiteral(func(lit ID) bool {
			if !f.isTrue(lit) {
				involved[abs(lit)] = true
			}
			return true
		})
	}
	add(broken)
	for i, lit := range slices.Backward(f.trail) {
		if involved[abs(lit)] {
			add(f.why[i])
		}
	}
	f.proofs = append(f.proofs, 0)
	f.addProblem(p)
	f.level = startOver
	if len(p.jobs) == 0 {
		f.level = hopeless
		return
	}
	f.undo(0)
	f.branches, f.options = f.branches[:0], f.options[:0]
	f.updateLearned()
}

// blameAll blames a rule or, if it was learned, those it follows from.
func (f *fullSolver) blameAll(p *fullProblem, i int32, unfolded []bool) {
	if i < f.learned {
		f.blame(p, i)
		return
	}
	if unfolded[i] {
		return
	}
	unfolded[i] = true
	for _, reason := range f.proofOf(f.learnedBy[i-f.learned]) {
		f.blameAll(p, reason, unfolded)
	}
}

// proofOf returns the list of rules that begins at start of proofs.
func (f *fullSolver) proofOf(start int32) []int32 {
	list := f.proofs[start:]
	return list[:slices.Index(list, 0)]
}

// updateLearned disables the learned rules that follow from disabled ones, and
// enables the others.
func (f *fullSolver) updateLearned() {
	f.steps += int64(len(f.proofs))
	for i := f.learned; int(i) < len(f.rules); i++ {
		f.rules[i].disabled = slices.ContainsFunc(f.proofOf(f.learnedBy[i-f.learned]), func(reason int32) bool {
			return f.rules[reason].disabled
		})
	}
}
