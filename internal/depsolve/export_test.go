package depsolve

// SolveFully solves a goal with the solver that learns from conflicts, needed
// or not.
func (s *Solver) SolveFully(g Goal) Result {
	s.prepare(g)
	if len(s.request.missing) > 0 {
		return Result{}
	}
	return s.solveFully()
}
