package depsolve

import (
	"cmp"
	"math"
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
// another package has, too, sorted by name.
func (u *Universe) collectSteps() table[depID] {
	t := newTable[depID]()
	for id := ID(1); int(id) < len(u.pkgs); id++ {
		for _, dep := range u.list(provided, id) {
			if u.isStep(dep) {
				t.add(dep)
			}
		}
		slices.SortStableFunc(t.items[t.start[id]:], func(a, b depID) int {
			return cmp.Compare(u.deps[a].name, u.deps[b].name)
		})
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
	rows, n := c.scratch.rows[:0], 0
	for _, id := range ids {
		row := c.u.rank.steps.row(int32(id))
		rows = append(rows, row)
		n += len(row)
	}
	c.scratch.rows = rows
	if n < manySteps || len(ids) > len(sortedIDs{}) {
		c.sortByRows(ids, rows)
		return
	}
	var key sortedIDs
	copy(key[:], ids)
	sorted, ok := c.scratch.sorted[key]
	if !ok {
		c.sortByRows(ids, rows)
		copy(sorted[:], ids)
		if len(c.scratch.sorted) == maxSorted {
			clear(c.scratch.sorted)
		}
		c.scratch.sorted[key] = sorted
	}
	copy(ids, sorted[:len(ids)])
}

// Some packages, kernels above all, have thousands of steps. The same few are
// compared for goal after goal, so the outcome is kept.
const (
	manySteps = 64
	maxSorted = 1 << 12
)

type sortedIDs [8]ID

func (c *chooser) sortByRows(ids []ID, rows [][]depID) {
	badness := append(c.scratch.badness[:0], make([]int32, len(ids))...)
	c.scratch.badness = badness
	anyBad := false
	for {
		steps, more := c.nextSteps(rows)
		if !more {
			break
		}
		if len(steps) > 1 && c.countSteps(steps, badness) {
			anyBad = true
		}
	}
	if anyBad {
		sortByBadness(ids, badness)
	}
}

// nextSteps takes all steps of the lowest name from the rows. With fewer than
// two rows left there is nothing to compare.
func (c *chooser) nextSteps(rows [][]depID) (steps []step, more bool) {
	lowest, left := symbol(math.MaxInt32), 0
	for _, row := range rows {
		if len(row) > 0 {
			left++
			lowest = min(lowest, c.u.deps[row[0]].name)
		}
	}
	if left < 2 {
		return nil, false
	}
	steps = c.scratch.steps[:0]
	for i, row := range rows {
		for len(row) > 0 && c.u.deps[row[0]].name == lowest {
			steps = append(steps, step{int32(i), row[0]})
			row = row[1:]
		}
		rows[i] = row
	}
	c.scratch.steps = steps
	return steps, true
}

// countSteps adds to the badness of each candidate how far it is behind in one
// name.
func (c *chooser) countSteps(steps []step, badness []int32) (anyBad bool) {
	slices.SortStableFunc(steps, c.u.compareSteps)
	bad := int32(0)
	for i := range steps {
		if i > 0 && steps[i].candidate != steps[i-1].candidate && c.u.compareSteps(steps[i-1], steps[i]) == -1 {
			bad++
		}
		badness[steps[i].candidate] += bad
	}
	return bad > 0
}

// compareSteps sorts steps of one name, newest first. It is -1 only if a is
// strictly newer than b.
func (u *Universe) compareSteps(a, b step) int {
	x, y := &u.deps[a.dep], &u.deps[b.dep]
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
