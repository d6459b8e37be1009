package depsolve

// Levels that are none.
const (
	startOver int32 = 0  // nothing is decided: some rules have been disabled
	hopeless  int32 = -1 // no rules are left that could be disabled
)

// search makes decisions until all rules are met. Whenever something proves
// impossible, it notes the problem, disables the jobs that are to blame and
// starts over, unless there are problems enough. The order of everything here is
// libsolv's.
func (f *fullSolver) search(enough func() bool) {
	jobsLevel := int32(0) // jobs have to be looked at below this level
	f.level = startOver
	for f.level != hopeless && !f.isTired() {
		if f.level == startOver {
			if len(f.problems) > 0 && enough() {
				return
			}
			f.decideAssertions()
			f.steps += int64(len(f.assertions))
			if broken := f.propagate(); broken != 0 {
				f.analyzeUnsolvable(broken)
				continue
			}
			jobsLevel = f.level + 1
		}
		if !f.step(&jobsLevel) {
			return
		}
	}
}

// step makes choices. It returns false if all are made.
func (f *fullSolver) step(jobsLevel *int32) (more bool) {
	if f.level < *jobsLevel {
		before := f.level
		if f.resolveJobs(); f.level < before {
			return true
		}
		*jobsLevel = f.level
	}
	*jobsLevel = min(*jobsLevel, f.level)
	before := f.level
	if f.resolveRules(); f.level < before {
		return true
	}
	if f.weak {
		if again, _ := f.resolveWeak(f); again {
			return true
		}
	}
	which, option := f.superfluous()
	if which < 0 || f.isTired() {
		return false
	}
	f.takeBranch(which, option)
	return true
}

// resolveJobs chooses for each job in turn.
func (f *fullSolver) resolveJobs() {
	start := f.level
	for i := f.jobs; i < f.archs && !f.isTired(); i++ {
		f.steps++
		r := &f.rules[i]
		if r.disabled {
			continue
		}
		candidates := f.candidates(r.first, r.rest)
		if len(candidates) == 0 {
			continue
		}
		before := f.level
		f.choose(candidates)
		switch {
		case f.level == before:
			i-- // try something else
		case f.level < start:
			return
		case f.level < before:
			i = f.jobs - 1 // redo all
		}
	}
}

func (f *fullSolver) choose(candidates []ID) { f.install(f.best(candidates)) }

// install decides for a package at a new level and for all that follows. At a
// conflict it learns a rule, goes back and decides what that rule demands. It
// reports whether the level has risen.
func (f *fullSolver) install(id ID) bool {
	before := f.level
	f.level++
	f.decideBecause(id, 0)
	for broken := f.propagate(); broken != 0 && !f.isTired(); broken = f.propagate() {
		if f.level == 1 {
			f.analyzeUnsolvable(broken)
			break
		}
		learned := f.learn(broken)
		f.decideBecause(f.rules[learned].first, learned)
	}
	return f.level > before
}

// takeBranch goes back to a choice and takes another option.
func (f *fullSolver) takeBranch(which int, option int32) {
	level := f.branches[which].level
	id := f.backTo(which, option)
	f.undo(level)
	f.install(id)
}

// resolveRules makes the choices that rules ask for. A first round takes only
// what the policy leaves no choice about; when that is done, it goes on from
// the first rule that had to wait, now choosing at each.
func (f *fullSolver) resolveRules() {
	start := f.level
	waiting, choosing := int32(0), false
	for i, n := int32(1), 1; !f.isTired(); i, n = i+1, n+1 {
		f.steps++
		if n >= len(f.rules) {
			if waiting == 0 || choosing {
				return
			}
			i, n, choosing = waiting, 1, true
		}
		if int(i) == len(f.rules) {
			i = 1
		}
		r := &f.rules[i]
		if r.disabled || len(r.rest) == 0 {
			continue
		}
		candidates := f.candidates(r.first, r.rest)
		if len(candidates) < 2 {
			continue
		}
		if !choosing {
			if candidates = f.prune(candidates); len(candidates) > 1 {
				if waiting == 0 {
					waiting = i
				}
				continue
			}
		}
		if f.choose(candidates); f.level < start {
			return
		}
		n = 0
	}
}
