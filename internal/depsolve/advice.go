package depsolve

import "github.com/koschei-ci/koschei/internal/rpm"

// isAdvised reports whether something installed recommends a package, or the
// package supplements what is installed.
func (c *chooser) isAdvised(id ID) bool {
	return c.holds(c.u.weak.recommendedBy.row(int32(id))) || c.anyFulfilled(c.u.list(supplemented, id))
}

// isSuggested reports whether something installed suggests a package, or the
// package enhances what is installed.
func (c *chooser) isSuggested(id ID) bool {
	return c.holds(c.u.weak.suggestedBy.row(int32(id))) || c.anyFulfilled(c.u.list(enhanced, id))
}

func (c *chooser) holds(all []advice) bool {
	for _, a := range all {
		if c.decided[a.by] > 0 && c.allInstalled(c.u.weak.conditions[a.condition]) {
			return true
		}
	}
	return false
}

func (c *chooser) allInstalled(ids []ID) bool {
	for _, id := range ids {
		if c.decided[id] <= 0 {
			return false
		}
	}
	return true
}

func (c *chooser) anyFulfilled(deps []depID) bool {
	for _, dep := range deps {
		if c.isFulfilled(dep) {
			return true
		}
	}
	return false
}

// isFulfilled reports whether what is installed meets a dependency.
func (c *chooser) isFulfilled(dep depID) bool {
	d := &c.u.deps[dep]
	switch d.boolOp {
	case rpm.And:
		return c.isFulfilled(d.left) && c.isFulfilled(d.right)
	case rpm.Or:
		return c.isFulfilled(d.left) || c.isFulfilled(d.right)
	case rpm.If, rpm.Unless:
		return c.isConditionFulfilled(d)
	}
	for _, id := range c.u.index.ofDep(dep) {
		if c.decided[id] > 0 {
			return true
		}
	}
	return c.u.index.system[dep]
}

func (c *chooser) isConditionFulfilled(d *dependency) bool {
	right := &c.u.deps[d.right]
	applies := d.boolOp == rpm.If
	switch {
	case right.boolOp != rpm.Else && applies:
		return c.isFulfilled(d.left) || !c.isFulfilled(d.right)
	case right.boolOp != rpm.Else:
		return c.isFulfilled(d.left) && !c.isFulfilled(d.right)
	case c.isFulfilled(right.left) == applies:
		return c.isFulfilled(d.left)
	}
	return c.isFulfilled(right.right)
}

// A fulfilment says what a dependency that is met owes that to.
type fulfilment int8

const (
	unmet     fulfilment = iota
	byAbsence            // of what a condition names, or to RPM itself
	byPackage            // that is installed
)

// fulfilment is isFulfilled with the reason, in libsolv's own reckoning.
func (c *chooser) fulfilment(dep depID) fulfilment {
	d := &c.u.deps[dep]
	switch d.boolOp {
	case rpm.And:
		left, right := c.fulfilment(d.left), c.fulfilment(d.right)
		if left == unmet || right == unmet {
			return unmet
		}
		return max(left, right)
	case rpm.Or:
		return max(c.fulfilment(d.left), c.fulfilment(d.right))
	case rpm.If, rpm.Unless:
		return c.conditionFulfilment(d)
	}
	for _, id := range c.u.index.ofDep(dep) {
		if c.decided[id] > 0 {
			return byPackage
		}
	}
	if c.u.index.system[dep] {
		return byAbsence
	}
	return unmet
}

func (c *chooser) conditionFulfilment(d *dependency) fulfilment {
	right := &c.u.deps[d.right]
	if right.boolOp != rpm.Else {
		left, absent := c.fulfilment(d.left), c.fulfilment(d.right) == unmet
		if d.boolOp == rpm.If && (left == byPackage || left == unmet && !absent) {
			return left
		}
		if d.boolOp == rpm.Unless && (left == unmet || !absent) {
			return unmet
		}
		return max(left, byAbsence)
	}
	condition := c.fulfilment(right.left)
	then, otherwise := d.left, right.right
	if d.boolOp == rpm.Unless {
		then, otherwise = otherwise, then
	}
	if condition == unmet {
		return c.fulfilment(otherwise)
	}
	result := c.fulfilment(then)
	if result != unmet && condition == byPackage {
		return byPackage
	}
	return result
}
