package depsolve

import (
	"cmp"
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A step is one provide with a version, looked at to compare candidates: those
// that provide older versions of the same thing come later.
type step struct {
	candidate int32 // index
	dep       depID
}

// collectSteps lists per package the provides that count as steps and that
// another package has, too.
func (u *Universe) collectSteps() table[depID] {
	t := newTable[depID]()
	for id := ID(1); int(id) < len(u.pkgs); id++ {
		for _, dep := range u.list(provided, id) {
			if u.isStep(dep) {
				t.add(dep)
			}
		}
		t.endRow()
	}
	return t
}

func (u *Universe) isStep(dep depID) bool {
	d := &u.deps[dep]
	if u.index.byName[d.name].n < 2 {
		return false
	}
	switch d.op {
	case rpm.Equal:
		return !u.isHash(d.evr)
	case rpm.Less, rpm.Less | rpm.Equal:
		return true
	}
	return false
}

// isHash reports whether a version looks like a checksum, which has no order.
func (u *Universe) isHash(id versionID) bool {
	v := &u.versions[id]
	text := u.symbols.string(v.version)
	if v.epoch != 0 || v.release != 0 || len(text) < 4 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// sortBySteps brings those candidates to the front that are the fewest steps
// behind the newest version of all that they provide.
func (c *chooser) sortBySteps(ids []ID) {
	steps := c.scratch.steps[:0]
	for i, id := range ids {
		for _, dep := range c.u.rank.steps.row(int32(id)) {
			steps = append(steps, step{int32(i), dep})
		}
	}
	c.scratch.steps = steps
	if len(steps) < 2 {
		return
	}
	slices.SortStableFunc(steps, c.u.compareSteps)
	badness := append(c.scratch.badness[:0], make([]int32, len(ids))...)
	c.scratch.badness = badness
	bad, anyBad := int32(0), false
	for i := range steps {
		switch {
		case i == 0 || c.u.deps[steps[i].dep].name != c.u.deps[steps[i-1].dep].name:
			bad = 0
		case steps[i].candidate != steps[i-1].candidate && c.u.compareSteps(steps[i-1], steps[i]) == -1:
			bad++
			anyBad = true
		}
		badness[steps[i].candidate] += bad
	}
	if anyBad {
		sortByBadness(ids, badness)
	}
}

// compareSteps sorts by name, newest first. It is -1 only if a is strictly
// newer than b.
func (u *Universe) compareSteps(a, b step) int {
	x, y := &u.deps[a.dep], &u.deps[b.dep]
	if x.name != y.name {
		return cmp.Compare(x.name, y.name)
	}
	if x.evr == y.evr && (x.op == rpm.Less) == (y.op == rpm.Less) {
		return 0
	}
	c := int(overlapOf(u.evr(y.evr), u.evr(x.evr)))
	if c != 0 || x.op != rpm.Less && y.op != rpm.Less {
		return c
	}
	switch {
	case y.op != rpm.Less:
		return 1
	case x.op != rpm.Less:
		return -1
	}
	return 0
}

// sortByBadness is a stable insertion sort of both lists.
func sortByBadness(ids []ID, badness []int32) {
	for i := 1; i < len(ids); i++ {
		for j := i; j > 0 && badness[j-1] > badness[j]; j-- {
			badness[j-1], badness[j] = badness[j], badness[j-1]
			ids[j-1], ids[j] = ids[j], ids[j-1]
		}
	}
}
