package depsolve

import "slices"

// An installer decides for a package at a new level. It reports whether that
// went well: whether the level has risen.
type installer interface {
	install(id ID) bool
}

// resolveWeak installs what is recommended by, or supplements, what is
// installed. It reports whether there was anything to do, and false for ok if
// something could not be installed.
func (c *chooser) resolveWeak(by installer) (again, ok bool) {
	if c.isTired() {
		return true, false
	}
	supplements := c.wantedSupplements()
	wanted := c.wantedRecommends(supplements)
	switch len(wanted) {
	case 0:
		return false, true
	case 1:
		return true, by.install(wanted[0])
	}
	wanted = c.pruneToBest(wanted)
	slices.Sort(wanted)
	supplements = slices.DeleteFunc(supplements, func(id ID) bool { return !contains(wanted, id) })
	decisions := len(c.trail)
	for _, id := range c.order(supplements) {
		if c.decided[id] == 0 && !by.install(id) {
			return true, false
		}
	}
	if len(c.trail) < decisions {
		return true, false
	}
	return true, c.installRecommends(by, wanted, decisions)
}

// wantedSupplements returns undecided packages that supplement what is
// installed, but for those that are there for another architecture.
func (c *chooser) wantedSupplements() []ID {
	var ids []ID
	for _, id := range c.u.weak.supplementing {
		if c.decided[id] == 0 && !c.u.excluded[id] && c.isCalled(c.u.list(supplemented, id)) && !c.isThereOtherwise(id) {
			c.judge(id)
			ids = append(ids, id)
		}
	}
	return ids
}

// isThereOtherwise reports whether a package is installed for another architecture.
func (c *chooser) isThereOtherwise(id ID) bool {
	if c.u.archs == nil {
		return false
	}
	for other := range c.u.named(c.u.pkgs[id].name) {
		if c.decided[other] > 0 && c.u.pkgs[other].arch != c.u.pkgs[id].arch {
			return true
		}
	}
	return false
}

// isCalled reports whether something supplements what is installed, and not
// only what is not.
func (c *chooser) isCalled(deps []depID) bool {
	return c.anyFulfilled(deps) && slices.ContainsFunc(deps, func(dep depID) bool { return c.fulfilment(dep) == byPackage })
}

// wantedRecommends returns ids and the undecided packages that would meet a
// recommendation which is not met.
func (c *chooser) wantedRecommends(ids []ID) []ID {
	wanted := slices.Clone(ids)
	for _, lit := range c.trail {
		if lit < 0 {
			continue
		}
		for _, dep := range c.u.list(recommended, lit) {
			wanted = append(wanted, c.recommendCandidates(dep)...)
		}
	}
	slices.Sort(wanted)
	return slices.Compact(wanted)
}

// recommendCandidates returns the undecided packages that a recommendation
// means, or nil if it is met. The result is valid until the next call.
func (c *chooser) recommendCandidates(dep depID) []ID {
	if !c.u.deps[dep].complex {
		return c.candidates(0, c.u.index.ofDep(dep))
	}
	var ids []ID
	blocks := c.recommendation(dep).blocks
	for _, block := range blocks {
		ids = append(ids, c.candidates(0, block)...)
		c.steps += int64(len(block))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// recommendation is the formula of a recommendation.
func (c *chooser) recommendation(dep depID) formula {
	f, ok := c.scratch.recommendations[dep]
	if !ok {
		f = c.u.demand(dep, false)
		c.scratch.recommendations[dep] = f
	}
	return f
}

// installRecommends installs the best of the wanted packages for each
// recommendation of the first decisions, in the order of these.
func (c *chooser) installRecommends(by installer, wanted []ID, decisions int) (ok bool) {
	for i := 0; i < decisions; i++ {
		if c.trail[i] < 0 {
			continue
		}
		for _, dep := range c.u.list(recommended, c.trail[i]) {
			candidates := slices.DeleteFunc(c.recommendCandidates(dep), func(id ID) bool { return !contains(wanted, id) })
			if len(candidates) == 0 {
				continue
			}
			if !by.install(c.best(candidates)) || len(c.trail) < decisions || c.isTired() {
				return false
			}
		}
	}
	return true
}
