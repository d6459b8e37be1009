package depsolve

import "math/bits"

// A chooser is what both solvers have in common: the decisions made so far and
// the policy that makes the next one.
type chooser struct {
	u *Universe

	decided []int32 // per package: level it was decided at, negative if against it
	trail   []ID    // decisions as literals, in the order they were made
	level   int32   // of the newest decision

	branches []branch
	options  []ID // of all branches; negative once tried

	maxSteps int64

	steps    int64 // made for this goal
	scratch  choiceScratch
	recorder *recorder // nil unless the answer is recorded

	// doubt is set once something has been looked at that only a full solver can
	// judge: see multilib.lonely.
	doubt bool
}

// maxSteps is how much work one goal may make: roughly, how many rules and literals
// are looked at. libsolv has no limit. No goal of a distribution comes near it; those
// of somebody who wants to keep a solver busy do.
const maxSteps = 1 << 28

// isTired reports whether a goal has made all the work it may.
func (c *chooser) isTired() bool { return c.steps > c.maxSteps }

// judge notes whether an undecided package of a choice is in doubt.
func (c *chooser) judge(lit ID) {
	if c.u.archs.isLonely(lit) && c.decided[lit] == 0 {
		c.doubt = true
	}
}

func (c *chooser) judgeAll(lits []ID) {
	if c.u.archs.doubts() {
		for _, lit := range lits {
			c.judge(lit)
		}
	}
}

// choiceScratch is reused from choice to choice.
type choiceScratch struct {
	candidates []ID
	back       []ID
	steps      []step
	rows       [][]depID
	sorted     map[sortedIDs]sortedIDs

	recommendations map[depID]formula
	badness         []int32
	obsoletes       obsoleteFinder
	installed       bitset
	words           bitset // of installed that are not 0
}

func newChooser(u *Universe) chooser {
	c := chooser{u: u, maxSteps: maxSteps, decided: make([]int32, len(u.pkgs))}
	c.scratch.installed = newBitset(len(u.pkgs))
	c.scratch.words = newBitset(len(c.scratch.installed))
	c.scratch.sorted = make(map[sortedIDs]sortedIDs)
	c.scratch.recommendations = make(map[depID]formula)
	return c
}

// isTrue reports whether a literal has been decided and holds.
func (c *chooser) isTrue(lit ID) bool {
	if lit > 0 {
		return c.decided[lit] > 0
	}
	return c.decided[-lit] < 0
}

// isFalse reports whether a literal has been decided and does not hold.
func (c *chooser) isFalse(lit ID) bool {
	if lit > 0 {
		return c.decided[lit] < 0
	}
	return c.decided[-lit] > 0
}

// decide makes a literal true at the current level. It returns false if it is
// known to be false.
func (c *chooser) decide(lit ID) bool {
	if lit > 0 {
		if d := c.decided[lit]; d != 0 {
			return d > 0
		}
		c.decided[lit] = c.level
	} else {
		if d := c.decided[-lit]; d != 0 {
			return d < 0
		}
		c.decided[-lit] = -c.level
	}
	c.trail = append(c.trail, lit)
	return true
}

// revert takes back all decisions above a level.
func (c *chooser) revert(level int32) {
	n := len(c.trail)
	for ; n > 0; n-- {
		id := abs(c.trail[n-1])
		if d := c.decided[id]; -level <= d && d <= level {
			break
		}
		c.decided[id] = 0
	}
	c.recorder.decided(c.trail[n:])
	c.trail = c.trail[:n]
	c.level = level
}

// candidates returns the undecided packages of an unmet clause whose negative
// literals are all false. It returns nil if the clause does not ask for a
// choice. The result is valid until the next call.
func (c *chooser) candidates(first ID, rest []ID) []ID {
	if first < 0 && c.decided[-first] <= 0 {
		return nil
	}
	list := c.scratch.candidates[:0]
	if first > 0 {
		if c.decided[first] > 0 {
			return nil
		}
		if c.decided[first] == 0 {
			list = append(list, first)
		}
	}
	for _, lit := range rest {
		switch {
		case lit < 0:
			if c.decided[-lit] <= 0 {
				return nil
			}
		case c.decided[lit] > 0:
			return nil
		case c.decided[lit] == 0:
			list = append(list, lit)
		}
	}
	c.judgeAll(list)
	c.steps += int64(len(rest))
	c.scratch.candidates = list
	return list
}

// best returns the candidate to install. If there are others left, it
// remembers them as a branch.
func (c *chooser) best(candidates []ID) ID {
	if len(candidates) > 1 {
		candidates = c.order(c.prune(candidates))
	}
	if len(candidates) > 1 {
		c.addBranch(candidates)
	}
	return candidates[0]
}

// installed returns the packages decided for, by ID. Bitsets sort them.
func (c *chooser) installed() []ID {
	set, words, n := c.scratch.installed, c.scratch.words, 0
	for _, lit := range c.trail {
		if lit > 0 {
			set.set(int32(lit))
			words.set(int32(lit) >> 6)
			n++
		}
	}
	ids := make([]ID, 0, n)
	for i, used := range words {
		for ; used != 0; used &= used - 1 {
			at := i<<6 + bits.TrailingZeros64(used)
			for word := set[at]; word != 0; word &= word - 1 {
				ids = append(ids, ID(at<<6+bits.TrailingZeros64(word)))
			}
			set[at] = 0
		}
		words[i] = 0
	}
	return ids
}

func abs(lit ID) ID {
	if lit < 0 {
		return -lit
	}
	return lit
}
