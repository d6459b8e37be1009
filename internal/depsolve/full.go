package depsolve

func (s *Solver) solveFully(g Goal) Result { return Result{} }
