package depsolve

// makeWatches has every rule watch its first two literals. Chains begin with
// the lowest rule.
func (f *fullSolver) makeWatches() {
	clear(f.heads)
	f.assertions = f.assertions[:0]
	for i := int32(len(f.rules) - 1); i > 0; i-- {
		if len(f.rules[i].rest) > 0 {
			f.rules[i].watched = [2]ID{f.rules[i].first, f.rules[i].rest[0]}
			f.addWatches(i)
		}
	}
	for i := range f.rules {
		if i > 0 && len(f.rules[i].rest) == 0 {
			f.assertions = append(f.assertions, int32(i))
		}
	}
}

// addWatches puts a rule at the head of the chains of what it watches.
func (f *fullSolver) addWatches(i int32) {
	r := &f.rules[i]
	for k, lit := range r.watched {
		head := f.head(lit)
		r.next[k] = *head
		*head = i
	}
}

func (f *fullSolver) head(lit ID) *int32 { return &f.heads[int(lit)+len(f.heads)/2] }

// decideBecause makes a literal true. Rule why demands it; it is 0 for a
// choice.
func (f *fullSolver) decideBecause(lit ID, why int32) {
	f.decide(lit)
	f.why = append(f.why, why)
}

// propagate decides what follows from the decisions made. It returns the rule
// that cannot be met, or 0.
func (f *fullSolver) propagate() int32 {
	for f.pending < len(f.trail) && !f.isTired() {
		lit := -f.trail[f.pending]
		f.pending++
		if broken := f.visit(lit); broken != 0 {
			return broken
		}
	}
	return 0
}

// visit looks at the rules that watch a literal which has become false.
func (f *fullSolver) visit(lit ID) (broken int32) {
	for at := f.head(lit); *at != 0; {
		i := *at
		r := &f.rules[i]
		f.steps++
		mine := 0
		if r.watched[0] != lit {
			mine = 1
		}
		other := r.watched[1-mine]
		if r.disabled || f.isTrue(other) {
			at = &r.next[mine]
			continue
		}
		if lit := f.anotherLiteral(r, other); lit != 0 {
			*at = r.next[mine]
			head := f.head(lit)
			r.watched[mine], r.next[mine] = lit, *head
			*head = i
			continue
		}
		if f.isFalse(other) {
			return i
		}
		f.decideBecause(other, i)
		at = &r.next[mine]
	}
	return 0
}

// anotherLiteral finds a literal that is not false and not the one given, or
// returns 0.
func (f *fullSolver) anotherLiteral(r *fullRule, than ID) ID {
	if len(r.rest) < 2 {
		return 0 // both literals are watched
	}
	if r.first != than && !f.isFalse(r.first) {
		return r.first
	}
	for i, lit := range r.rest {
		if lit != than && !f.isFalse(lit) {
			f.steps += int64(i)
			return lit
		}
	}
	f.steps += int64(len(r.rest))
	return 0
}

// undo takes back all decisions above a level.
func (f *fullSolver) undo(level int32) {
	f.chooser.revert(level)
	f.why = f.why[:len(f.trail)]
	f.pending = len(f.trail)
}

// revert takes back all decisions above a level and the choices that led to
// them.
func (f *fullSolver) revert(level int32) {
	for n := len(f.branches); n > 0 && f.branches[n-1].level >= level; n-- {
		f.options = f.options[:f.branches[n-1].start]
		f.branches = f.branches[:n-1]
	}
	f.undo(level)
}
