package depsolve

import "weak"

// SolveFully solves a goal with the solver that learns from conflicts, needed
// or not.
func (s *Solver) SolveFully(g Goal) Result {
	s.prepare(g)
	if len(s.request.lacks) > 0 {
		return Result{}
	}
	return s.solveFully()
}

// Steps is how much work the last goal made, in either solver.
func (s *Solver) Steps() (lazy, full int64) {
	if s.full != nil {
		full = s.full.steps
	}
	return s.steps, full
}

// Limit sets how much it may make.
func (s *Solver) Limit(steps int64) { s.maxSteps, s.fullSolver().maxSteps = steps, steps }

// Pool lets tests find out whether anybody still has what a universe knows.
func (u *Universe) Pool() weak.Pointer[pool] { return weak.Make(u.pool) }
