package depsolve

// resolveWeak installs what is recommended by or supplements what is
// installed. It reports whether there was anything to do, and false for ok at a
// conflict.
func (s *Solver) resolveWeak() (again, ok bool) {
	return false, true
}
