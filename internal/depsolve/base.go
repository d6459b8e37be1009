package depsolve

import "slices"

// A baseState is the part of level 1 that all goals with the same group share.
// It stays decided from goal to goal.
type baseState struct {
	group []string
	trail int
	open  bitset
	jobs  int  // how many jobs the group makes
	ok    bool // no conflict

	touched []touch // once SolveRecorded has needed it
}

// setBase propagates what follows from the group alone. Where weak
// dependencies are followed only dead packages are decided against: the group
// has to wait for the BuildRequires then, because the order of decisions counts.
func (s *Solver) setBase(group []string) {
	s.base = &baseState{group: slices.Clone(group)}
	s.shared.id = None
	s.revert(0)
	s.level = 1
	s.request.resetTo(0)
	s.u.addGroup(&s.request, group)
	s.base.jobs = len(s.request.jobs)
	s.jobs = s.jobs[:0]
	clear(s.open)
	s.closed = s.closed[:0]
	if s.weak {
		s.watches = s.u.newWatchList()
	}
	s.watches.remember = false
	s.follows, s.guards = &s.u.rules.follows, &s.u.rules.guards
	s.base.ok = s.assertNever() && s.propagate() && (s.weak || s.begin())
	s.watches.remember = s.weak
	s.base.trail = len(s.trail)
	s.base.open = slices.Clone(s.open)
	s.follows, s.guards = s.remainingFollows(), s.remainingGuards()
}

func (s *Solver) assertNever() bool {
	for _, id := range s.u.rules.never {
		if !s.decide(-id) {
			return false
		}
	}
	return true
}

// remainingFollows is rules.follows without what is decided already: most of
// what packages require is in the base.
func (s *Solver) remainingFollows() *literalTable {
	n := ID(len(s.u.pkgs))
	t := &literalTable{newTable[ID](), int32(n)}
	for lit := 1 - n; lit < n; lit++ {
		if s.decided[abs(lit)] == 0 {
			for _, next := range s.u.rules.follows.of(lit) {
				if !s.isTrue(next) {
					t.add(next)
				}
			}
		}
		t.endRow()
	}
	return t
}

// remainingGuards is rules.guards without the clauses that are true already.
func (s *Solver) remainingGuards() *table[int32] {
	t := newTable[int32]()
	for id := ID(1); int(id) < len(s.u.pkgs); id++ {
		if s.decided[id] == 0 {
			for _, clause := range s.u.rules.guards.row(int32(id)) {
				if !s.isMet(clause) {
					t.add(clause)
				}
			}
		}
		t.endRow()
	}
	return &t
}

// A sharedPart is what follows, beyond the base, from one package that most
// goals ask for, as nearly all of Debian's ask for debhelper. It stays decided
// for as long as goals do.
type sharedPart struct {
	id    ID // None if nothing is shared
	trail int
	open  bitset
	asked []int32 // per package: how many goals have had to have it so far
}

// keepsShared reports whether the request, too, asks for the package that the
// one before has decided for first.
func (s *Solver) keepsShared() bool {
	if s.shared.id == None {
		return false
	}
	for _, j := range s.request.jobs[s.base.jobs:] {
		if len(j.lits) == 1 && j.lits[0] == s.shared.id {
			return true
		}
	}
	s.shared.id = None
	return false
}

// share decides for the package of the request that goals have asked for most,
// if nothing is shared. It returns false if that is contradictory. Where weak
// dependencies are followed the order of decisions counts, so nothing is
// shared.
func (s *Solver) share() bool {
	if s.shared.asked == nil {
		s.shared.asked = make([]int32, len(s.u.pkgs))
	}
	popular := None
	for _, j := range s.request.jobs[s.base.jobs:] {
		if id := j.lits[0]; len(j.lits) == 1 && id > 0 {
			s.shared.asked[id]++
			if s.decided[id] == 0 && s.shared.asked[id] > s.shared.asked[popular] {
				popular = id
			}
		}
	}
	if s.shared.id != None || popular == None {
		return true
	}
	if !s.decide(popular) || !s.propagate() {
		return false
	}
	s.shared.id, s.shared.trail = popular, len(s.trail)
	s.shared.open = append(s.shared.open[:0], s.open...)
	return true
}
