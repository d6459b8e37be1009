package depsolve

import "slices"

// A baseState is the part of level 1 that all goals with the same group share.
// It stays decided from goal to goal.
type baseState struct {
	group  []string
	trail  int
	chosen []ID // the packages among the decisions
	open   bitset
	jobs   int  // how many jobs the group makes
	lacks  int  // how many lacks
	ok     bool // no conflict
	doubt  bool // see chooser.doubt

	literals int64 // of its boolean dependencies

	touched []touch // once SolveRecorded has needed it
	alone   verdict // on the group without BuildRequires, once Explain has needed it
}

// setBase propagates what follows from the group alone. Where weak
// dependencies are followed only dead packages are decided against: the group
// has to wait for the BuildRequires then, because the order of decisions counts.
func (s *Solver) setBase(group []string) {
	s.base = &baseState{group: slices.Clone(group)}
	s.shared = s.shared[:0]
	if s.full != nil {
		s.full.common = nil
	}
	s.revert(0)
	s.level = 1
	s.request.reset(0, 0, 0)
	s.u.addGroup(&s.request, group)
	s.base.jobs, s.base.lacks, s.base.literals = len(s.request.jobs), len(s.request.lacks), s.request.literals
	s.jobs = s.jobs[:0]
	s.steps = 0
	clear(s.open)
	s.closed = s.closed[:0]
	if s.weak {
		s.watches = s.u.newWatchList()
	}
	s.watches.remember = false
	s.follows, s.guards = &s.u.rules.follows, &s.u.rules.guards
	s.doubt = false
	s.base.ok = s.assertNever() && s.propagate() && (s.weak || s.begin()) || s.isTired()
	s.base.doubt = s.doubt || s.isTired()
	s.watches.remember = s.weak
	s.base.chosen = s.chosen()
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
	if s.u.archs.doubts() {
		for _, id := range s.u.archs.forbidden(s.fullSolver().commonReach(s.request.jobs)) {
			if !s.decide(-id) {
				return false
			}
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

// A sharedPart is what follows, beyond the base and the parts before it, from
// one package that many goals ask for, as nearly all of Debian's ask for
// debhelper and those of Python for python3-all besides. It stays decided for as
// long as goals do.
type sharedPart struct {
	id    ID
	trail int // how many decisions there are with it
	open  bitset
	doubt bool // see chooser.doubt
}

// mostShared parts are kept at once. Each costs a copy of the open clauses.
const mostShared = 4

// keepShared keeps those of the parts that the request asks for, too, as long as
// all before them are kept.
func (s *Solver) keepShared() {
	n := 0
	for n < len(s.shared) && s.asksFor(s.shared[n].id) {
		n++
	}
	s.shared = s.shared[:n]
}

// asksFor reports whether a BuildRequires leaves no choice but a package.
func (s *Solver) asksFor(id ID) bool {
	for _, j := range s.request.jobs[s.base.jobs:] {
		if len(j.lits) == 1 && j.lits[0] == id {
			return true
		}
	}
	return false
}

// share decides for the packages of the request that goals have asked for most.
// It returns false if that is contradictory. Where weak dependencies are
// followed the order of decisions counts, so nothing is shared.
func (s *Solver) share() bool {
	if s.asked == nil {
		s.asked = make([]int32, len(s.u.pkgs))
	}
	for _, j := range s.request.jobs[s.base.jobs:] {
		if id := j.lits[0]; len(j.lits) == 1 && id > 0 {
			s.asked[id]++
		}
	}
	for len(s.shared) < mostShared {
		id := s.mostAsked()
		if id == None {
			return true
		}
		if !s.decide(id) || !s.propagate() {
			return false
		}
		s.addShared(id)
	}
	return true
}

// mostAsked returns the package of the request that goals have asked for most
// and that is not decided yet, or None.
func (s *Solver) mostAsked() ID {
	most := None
	for _, j := range s.request.jobs[s.base.jobs:] {
		if id := j.lits[0]; len(j.lits) == 1 && id > 0 && s.decided[id] == 0 && s.asked[id] > s.asked[most] {
			most = id
		}
	}
	return most
}

func (s *Solver) addShared(id ID) {
	n := len(s.shared)
	s.shared = slices.Grow(s.shared, 1)[:n+1]
	part := &s.shared[n] // it may have been one before
	part.id, part.trail, part.doubt = id, len(s.trail), s.doubt
	part.open = append(part.open[:0], s.open...)
}
