package depsolve

import "math"

// stamps is an array of numbers from 0 to 7 that is set to zero in no time: a
// value counts only if it was written since the last reset.
type stamps struct {
	base   int32 // values at or below it are zero
	values []int32
}

const maxStamp = 7

func newStamps(n int) stamps { return stamps{values: make([]int32, n)} }

func (s *stamps) reset() {
	if s.base += maxStamp; s.base > math.MaxInt32-maxStamp { // after some hundred million resets
		clear(s.values)
		s.base = 0
	}
}

func (s *stamps) at(i int32) int32 { return max(s.values[i]-s.base, 0) }

func (s *stamps) set(i, value int32) { s.values[i] = s.base + value }
