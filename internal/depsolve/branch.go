package depsolve

// A branch is a choice that could have gone another way.
type branch struct {
	level      int32 // before the choice
	start, end int32 // its options, the one taken first
}

// addBranch remembers a choice that is about to be made, for the first option.
func (s *Solver) addBranch(options []ID) {
	start := int32(len(s.options))
	s.options = append(s.options, options...)
	s.options[start] = -s.options[start]
	s.branches = append(s.branches, branch{s.level, start, int32(len(s.options))})
}

// superfluous finds the first choice that later ones have overtaken: one of its
// other options got installed anyway, so that the one chosen may not be needed;
// or an option is recommended by now and the one chosen is not. It returns the
// branch and the place of the option, or -1.
func (s *Solver) superfluous() (which int, option int32) {
	which = -1
	for i := range s.branches {
		if at := s.betterOption(&s.branches[i]); at >= 0 {
			return i, at
		}
	}
	return which, 0
}

func (s *Solver) betterOption(b *branch) int32 {
	advised := int32(-1)
	for i := b.start; i < b.end; i++ {
		id := s.options[i]
		if id <= 0 {
			continue
		}
		if s.decided[id] > b.level {
			return i
		}
		if advised < 0 && s.isAdvised(id) {
			advised = i
		}
	}
	if advised < 0 {
		return -1
	}
	for _, id := range s.options[b.start:b.end] {
		if id < 0 && s.decided[-id] == b.level+1 && !s.isAdvised(-id) {
			return advised
		}
	}
	return -1
}

// takeBranch goes back to a choice and takes another option.
func (s *Solver) takeBranch(which int, option int32) bool {
	b := s.branches[which]
	s.branches, s.options = s.branches[:which+1], s.options[:b.end]
	id := s.options[option]
	s.options[option] = -id
	s.revert(b.level)
	return s.install(id)
}
