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

// Pool lets tests find out whether anybody still has what a universe knows.
func (u *Universe) Pool() weak.Pointer[pool] { return weak.Make(u.pool) }
