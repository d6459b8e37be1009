package depsolve

import "slices"

// A Solver solves goals against its Universe, one after the other. It belongs
// to one goroutine.
//
// Decisions are made at levels, as in every solver of this kind: level 1 holds
// what the goal demands without a choice, and each choice begins a new level,
// which also holds all that follows from it.
type Solver struct {
	chooser
	pending int           // trail[pending:] has not been propagated
	follows *literalTable // rules.follows, or what the base leaves of it
	guards  *table[int32] // rules.guards, or what the base leaves of it
	watches watchList     // which clauses to look at when a literal becomes false
	open    bitset        // clauses that a choice may have to be made for
	closed  []closing

	request request
	jobs    []jobState

	base      *baseState   // nil before the first goal
	shared    []sharedPart // the last decided on top of the others
	asked     []int32      // per package: how many goals have had to have it so far
	weak      bool         // follow weak dependencies
	unordered bool         // results are left unsorted
	record    *recorder    // made when first needed
	distance  distanceFinder
	full      *fullSolver // made when first needed
}

// A closing remembers that a clause was taken from the open ones because it
// had come true; it may have to come back.
type closing struct{ clause, level int32 }

// A Result answers a goal.
type Result struct {
	OK bool
	// Packages are those to install, if OK: by ID, or in the order in which they
	// were decided on if the Solver is Unordered.
	Packages []ID
}

// SolverOptions say how a Solver chooses.
type SolverOptions struct {
	// WeakDeps makes it install what is recommended, too.
	WeakDeps bool
	// Lenient makes it take BuildRequires as the original Koschei does: boolean ones
	// that nothing provides are skipped, and so are BuildConflicts. A build would
	// not start.
	Lenient bool
	// Unordered leaves the packages of a Result unsorted, for those who bring them
	// into an order of their own.
	Unordered bool
}

// NewSolver returns a Solver.
func (u *Universe) NewSolver(o SolverOptions) *Solver {
	return &Solver{
		chooser: newChooser(u),
		watches: u.newWatchList(),
		open:    newBitset(len(u.rules.clauses)),
		weak:    o.WeakDeps, unordered: o.Unordered,
		request: request{lenient: o.Lenient},
	}
}

// Universe returns what the Solver solves goals against.
func (s *Solver) Universe() *Universe { return s.u }

// Solve finds the packages to install for a goal. Explain says why there are
// none.
func (s *Solver) Solve(g Goal) Result {
	s.prepare(g)
	result, _ := s.solve()
	return result
}

// solve answers the request. It also tells whether the full solver had to.
func (s *Solver) solve() (result Result, fully bool) {
	switch s.try() {
	case solved:
		if s.unordered {
			return Result{OK: true, Packages: s.chosen()}, false
		}
		return Result{OK: true, Packages: s.installed()}, false
	case conflictAfterChoice:
		return s.solveFully(), true
	default:
		return Result{}, false
	}
}

// chosen returns the packages decided for.
func (s *Solver) chosen() []ID {
	more := s.trail[s.base.trail:]
	ids := append(make([]ID, 0, len(s.base.chosen)+len(more)), s.base.chosen...)
	for _, lit := range more {
		if lit > 0 {
			ids = append(ids, lit)
		}
	}
	return ids
}

type verdict int8

const (
	untried verdict = iota
	unsolvable
	solved
	conflictAfterChoice // or in doubt, or it takes too long
)

// prepare works out what a goal asks for.
func (s *Solver) prepare(g Goal) {
	if s.base == nil || !slices.Equal(s.base.group, g.Group) {
		s.setBase(g.Group)
	}
	s.request.reset(s.base.jobs, s.base.lacks, s.base.literals)
	s.u.addRequires(&s.request, g.Requires)
	s.u.addConflicts(&s.request, g.Conflicts, len(g.Requires))
	s.reset()
}

// try solves the request as long as no choice leads to a conflict.
func (s *Solver) try() verdict {
	if len(s.request.lacks) > 0 {
		return unsolvable
	}
	return s.tryPresent()
}

// tryPresent is try without what nothing provides.
func (s *Solver) tryPresent() verdict {
	switch {
	case !s.base.ok:
		return unsolvable
	case !s.begin() && !s.isTired():
		return unsolvable
	case s.isTired() || !s.search() || s.doubt:
		return conflictAfterChoice
	}
	return solved
}

// reset takes everything back but the base and what the request shares with the
// one before.
func (s *Solver) reset() {
	trail, open := s.base.trail, s.base.open
	s.doubt = s.base.doubt
	s.keepShared()
	if n := len(s.shared); n > 0 {
		trail, open, s.doubt = s.shared[n-1].trail, s.shared[n-1].open, s.shared[n-1].doubt
	}
	for _, lit := range s.trail[trail:] {
		s.decided[abs(lit)] = 0
	}
	s.trail = s.trail[:trail]
	s.pending = len(s.trail)
	s.level, s.steps = 1, 0
	copy(s.open, open)
	s.closed = s.closed[:0]
	s.branches, s.options = s.branches[:0], s.options[:0]
	s.watches.undo()
}

// begin decides what the jobs leave no choice about. It returns false if that
// is contradictory.
func (s *Solver) begin() bool {
	s.jobs = s.jobs[:0]
	if !s.weak && !s.share() {
		return false
	}
	for _, j := range s.request.jobs {
		s.judgeAll(j.lits)
		if len(j.lits) > 1 {
			s.jobs = append(s.jobs, jobState{lits: j.lits, witness: j.lits[0]})
		} else if !s.decide(j.lits[0]) {
			return false
		}
	}
	return s.propagateJobs() && s.propagate()
}
