package depsolve

// search makes choices until nothing is left to choose, then takes back those
// that turn out to be superfluous. It returns false at a conflict. The order of
// everything here is libsolv's.
func (s *Solver) search() bool {
	jobsLevel := s.level + 1 // jobs have to be looked at below this level
	for {
		if s.level < jobsLevel {
			if !s.resolveJobs() {
				return false
			}
			jobsLevel = s.level
		}
		if !s.resolveClauses() {
			return false
		}
		if s.weak {
			again, ok := s.resolveWeak(s)
			if !ok {
				return false
			}
			if again {
				continue
			}
		}
		switch b, option := s.superfluous(); {
		case b < 0:
			return true
		case !s.takeBranch(b, option):
			return false
		}
	}
}

// resolveJobs chooses for each job in turn.
func (s *Solver) resolveJobs() bool {
	for i := range s.jobs {
		if candidates := s.candidates(0, s.jobs[i].lits); len(candidates) > 0 && !s.choose(candidates) {
			return false
		}
	}
	return true
}

// choose installs the best candidate at a new level.
func (s *Solver) choose(candidates []ID) bool { return s.install(s.best(candidates)) }

// takeBranch goes back to a choice and takes another option.
func (s *Solver) takeBranch(which int, option int32) bool {
	level := s.branches[which].level
	id := s.backTo(which, option)
	s.revert(level)
	return s.install(id)
}

// install decides for a package at a new level.
func (s *Solver) install(id ID) bool {
	s.level++
	s.steps += int64(len(s.jobs)) // to come to the next choice
	return s.decide(id) && s.propagate()
}

// resolveClauses makes the choices that clauses ask for. A first round takes
// only what the policy leaves no choice about; when that is done, it goes on
// from the first clause that had to wait, now choosing at each.
func (s *Solver) resolveClauses() bool {
	r := round{end: int32(len(s.u.rules.clauses))}
	r.end += int32(len(s.jobs))
	for {
		switch changed, ok := s.pass(&r); {
		case !ok:
			return false
		case changed:
		case r.choosing || r.waiting == 0:
			return true
		default:
			r.from, r.choosing = r.waiting, true
		}
	}
}

// A round goes over all clauses again and again. Jobs come after the clauses.
type round struct {
	from     int32 // where to go on
	end      int32
	waiting  int32 // the first clause that left a choice, or 0
	choosing bool
}

// pass visits each clause once, beginning at from, until a package is
// installed.
func (s *Solver) pass(r *round) (changed, ok bool) {
	from := r.from
	for i := s.nextOpen(from, r.end); i < r.end; i = s.nextOpen(i+1, r.end) {
		if changed, ok = s.visit(i, r); changed {
			return changed, ok
		}
	}
	for i := s.nextOpen(1, from); i < from; i = s.nextOpen(i+1, from) {
		if changed, ok = s.visit(i, r); changed {
			return changed, ok
		}
	}
	return false, true
}

// nextOpen returns the next clause or job from i to below end that may ask for
// a choice, or end.
func (s *Solver) nextOpen(i, end int32) int32 {
	clauses := int32(len(s.u.rules.clauses))
	if i < clauses {
		if i = s.open.next(i, min(end, clauses)); i < clauses {
			return i
		}
	}
	return min(i, end)
}

// visit installs a package if clause i asks for one.
func (s *Solver) visit(i int32, r *round) (changed, ok bool) {
	candidates := s.openCandidates(i)
	if len(candidates) == 0 {
		return false, true
	}
	if !r.choosing {
		if candidates = s.prune(candidates); len(candidates) > 1 {
			if r.waiting == 0 {
				r.waiting = i
			}
			return false, true
		}
	}
	r.from = i + 1
	return true, s.choose(candidates)
}

// openCandidates is candidates for clause or job i. Clauses that ask for no
// choice any more are closed.
func (s *Solver) openCandidates(i int32) []ID {
	clauses := s.u.rules.clauses
	if int(i) >= len(clauses) {
		return s.candidates(0, s.jobs[int(i)-len(clauses)].lits)
	}
	c := &clauses[i]
	candidates := s.candidates(c.first, s.u.rest(c))
	if len(candidates) == 0 {
		s.open.clear(i)
		s.closed = append(s.closed, closing{i, s.level})
	}
	return candidates
}
