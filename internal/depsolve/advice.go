package depsolve

import "github.com/koschei-ci/koschei/internal/rpm"

// isAdvised reports whether something installed recommends a package, or the
// package supplements what is installed.
func (s *Solver) isAdvised(id ID) bool {
	return s.holds(s.u.weak.recommendedBy.row(int32(id))) || s.anyFulfilled(s.u.list(supplemented, id))
}

// isSuggested reports whether something installed suggests a package, or the
// package enhances what is installed.
func (s *Solver) isSuggested(id ID) bool {
	return s.holds(s.u.weak.suggestedBy.row(int32(id))) || s.anyFulfilled(s.u.list(enhanced, id))
}

func (s *Solver) holds(all []advice) bool {
	for _, a := range all {
		if s.decided[a.by] > 0 && s.allInstalled(s.u.weak.conditions[a.condition]) {
			return true
		}
	}
	return false
}

func (s *Solver) allInstalled(ids []ID) bool {
	for _, id := range ids {
		if s.decided[id] <= 0 {
			return false
		}
	}
	return true
}

func (s *Solver) anyFulfilled(deps []depID) bool {
	for _, dep := range deps {
		if s.isFulfilled(dep) {
			return true
		}
	}
	return false
}

// isFulfilled reports whether what is installed meets a dependency.
func (s *Solver) isFulfilled(dep depID) bool {
	d := &s.u.deps[dep]
	switch d.boolOp {
	case rpm.And:
		return s.isFulfilled(d.left) && s.isFulfilled(d.right)
	case rpm.Or:
		return s.isFulfilled(d.left) || s.isFulfilled(d.right)
	case rpm.If, rpm.Unless:
		return s.isConditionFulfilled(d)
	}
	for _, id := range s.u.index.ofDep(dep) {
		if s.decided[id] > 0 {
			return true
		}
	}
	return s.u.index.system[dep]
}

func (s *Solver) isConditionFulfilled(d *dependency) bool {
	right := &s.u.deps[d.right]
	applies := d.boolOp == rpm.If
	switch {
	case right.boolOp != rpm.Else && applies:
		return s.isFulfilled(d.left) || !s.isFulfilled(d.right)
	case right.boolOp != rpm.Else:
		return s.isFulfilled(d.left) && !s.isFulfilled(d.right)
	case s.isFulfilled(right.left) == applies:
		return s.isFulfilled(d.left)
	}
	return s.isFulfilled(right.right)
}
