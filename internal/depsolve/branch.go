package depsolve

// A branch is a choice that could have gone another way.
type branch struct {
	level      int32 // before the choice
	start, end int32 // its options, the one taken first
}

// addBranch remembers a choice that is about to be made, for the first option.
func (c *chooser) addBranch(options []ID) {
	start := int32(len(c.options))
	c.options = append(c.options, options...)
	c.options[start] = -c.options[start]
	c.branches = append(c.branches, branch{c.level, start, int32(len(c.options))})
}

// superfluous finds the first choice that later ones have overtaken: one of its
// other options got installed anyway, so that the one chosen may not be needed;
// or an option is recommended by now and the one chosen is not. It returns the
// branch and the place of the option, or -1.
func (c *chooser) superfluous() (which int, option int32) {
	for i := range c.branches {
		if at := c.betterOption(&c.branches[i]); at >= 0 {
			return i, at
		}
	}
	return -1, 0
}

func (c *chooser) betterOption(b *branch) int32 {
	advised := int32(-1)
	for i := b.start; i < b.end; i++ {
		id := c.options[i]
		if id <= 0 {
			continue
		}
		if c.decided[id] > b.level {
			return i
		}
		if advised < 0 && c.isAdvised(id) {
			advised = i
		}
	}
	if advised < 0 {
		return -1
	}
	for _, id := range c.options[b.start:b.end] {
		if id < 0 && c.decided[-id] == b.level+1 && !c.isAdvised(-id) {
			return advised
		}
	}
	return -1
}

// backTo forgets all branches after one and returns the option to take now.
func (c *chooser) backTo(which int, option int32) ID {
	b := c.branches[which]
	c.branches, c.options = c.branches[:which+1], c.options[:b.end]
	id := c.options[option]
	c.options[option] = -id
	return id
}
