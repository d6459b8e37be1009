package depsolve

// learn finds out what decision led to a broken rule, goes back to where that
// could have been known, and returns the new rule that says so. The rule has
// one literal that is not false there, its first.
func (f *fullSolver) learn(broken int32) int32 {
	proof := int32(len(f.proofs))
	first, rest, level := f.analyze(broken)
	f.revert(level)
	learned := int32(len(f.rules))
	r := fullRule{first: first, rest: rest}
	if len(rest) > 0 {
		r.watched = [2]ID{first, f.highest(rest)}
	}
	f.rules = append(f.rules, r)
	f.learnedBy = append(f.learnedBy, proof)
	if len(rest) > 0 {
		f.addWatches(learned)
	} else {
		f.assertions = append(f.assertions, learned)
	}
	return learned
}

// highest returns the literal that was decided at the highest level.
func (f *fullSolver) highest(lits []ID) ID {
	best := lits[0]
	for _, lit := range lits[1:] {
		if f.levelOf(lit) > f.levelOf(best) {
			best = lit
		}
	}
	return best
}

func (f *fullSolver) levelOf(lit ID) int32 { return max(f.decided[abs(lit)], -f.decided[abs(lit)]) }

// analyze goes back along the trail from a broken rule, at first until only
// one decision of the current level is left: its opposite is the first literal
// of the rule to learn. The literals of levels between are the rest, the
// highest of these levels is where to go back to. What was decided at level 1
// always holds; it is only noted in the proof.
func (f *fullSolver) analyze(broken int32) (first ID, rest []ID, level int32) {
	a := analysis{f: f, level: 1}
	defer clear(f.seen)
	a.add(broken)
	for i := len(f.trail); ; {
		if a.current == 0 {
			if a.base--; a.base == 0 {
				break
			}
		}
		for i--; !f.seen[abs(f.trail[i])]; i-- {
		}
		f.seen[abs(f.trail[i])] = false
		if a.current > 0 {
			if a.current--; a.current == 0 {
				first = -f.trail[i]
				if a.base == 0 {
					break
				}
				for _, lit := range a.rest { // only level 1 is left to look at
					f.seen[abs(lit)] = false
				}
				a.base++
				continue
			}
		}
		if why := f.why[i]; why > 0 {
			a.add(why)
		}
	}
	f.proofs = append(f.proofs, 0)
	return first, a.rest, a.level
}

type analysis struct {
	f       *fullSolver
	rest    []ID
	level   int32 // highest in rest
	current int   // decisions of the current level still to look at
	base    int   // the same of level 1
}

// add notes all false literals of a rule.
func (a *analysis) add(why int32) {
	f := a.f
	f.proofs = append(f.proofs, why)
	f.steps += int64(len(f.rules[why].rest))
	f.rules[why].eachLiteral(func(lit ID) bool {
		if f.isTrue(lit) || f.seen[abs(lit)] {
			return true
		}
		f.seen[abs(lit)] = true
		switch level := f.levelOf(lit); level {
		case 1:
			a.base++
		case f.level:
			a.current++
		default:
			a.rest = append(a.rest, lit)
			a.level = max(a.level, level)
		}
		return true
	})
}
