package depsolve

// A jobState is a job with several literals.
type jobState struct {
	lits    []ID
	witness ID // some literal, where a true one is looked for first
}

// propagate decides all that follows from the decisions made. It returns false
// when it finds a conflict.
func (s *Solver) propagate() bool {
	for {
		for s.pending < len(s.trail) {
			lit := s.trail[s.pending]
			s.pending++
			if !s.follow(lit) || !s.visitWatches(-lit) {
				return false
			}
		}
		if !s.propagateJobs() {
			return false
		}
		if s.pending == len(s.trail) {
			return true
		}
	}
}

// follow decides what short clauses say about a new decision, and opens the
// long ones.
func (s *Solver) follow(lit ID) bool {
	doubts := s.u.archs.doubts()
	s.doubt = s.doubt || doubts && s.u.archs.isLonely(lit)
	for _, next := range s.follows.of(lit) {
		if doubts {
			s.judge(next)
		}
		if !s.decide(next) {
			return false
		}
	}
	if lit < 0 {
		return true
	}
	guards := s.guards.row(int32(lit))
	s.steps += int64(len(guards))
	for _, clause := range guards {
		if !s.isMet(clause) {
			s.open.set(clause)
			if doubts {
				s.judgeAll(s.u.rest(&s.u.rules.clauses[clause]))
			}
		}
	}
	return true
}

// isMet reports whether a clause has a true literal.
func (s *Solver) isMet(clause int32) bool {
	c := &s.u.rules.clauses[clause]
	if s.isTrue(c.first) {
		return true
	}
	for _, lit := range s.u.rest(c) {
		if s.isTrue(lit) {
			return true
		}
	}
	return false
}

// propagateJobs decides for the last candidate of a job. Jobs are few, so they
// are looked at one by one.
func (s *Solver) propagateJobs() bool {
	if s.steps += int64(len(s.jobs)); s.isTired() {
		return false
	}
	for i := range s.jobs {
		j := &s.jobs[i]
		if s.isTrue(j.witness) {
			continue
		}
		undecided, last := 0, ID(0)
		for _, lit := range j.lits {
			if s.isTrue(lit) {
				j.witness, undecided = lit, 2
				break
			}
			if !s.isFalse(lit) {
				undecided++
				last = lit
			}
		}
		if undecided == 0 || undecided == 1 && !s.decide(last) {
			return false
		}
	}
	return true
}

// revert takes back all decisions above a level.
func (s *Solver) revert(level int32) {
	s.chooser.revert(level)
	s.pending = len(s.trail)
	for len(s.closed) > 0 && s.closed[len(s.closed)-1].level > level {
		s.open.set(s.closed[len(s.closed)-1].clause)
		s.closed = s.closed[:len(s.closed)-1]
	}
}
