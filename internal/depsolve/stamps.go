package depsolve

// stamps is an array of small numbers that is set to zero in no time.
type stamps struct {
	now    int32
	values []stamp
}

type stamp struct{ time, value int32 }

func newStamps(n int) stamps { return stamps{now: 1, values: make([]stamp, n)} }

func (s *stamps) reset() {
	if s.now++; s.now < 0 { // after 2^31 resets
		clear(s.values)
		s.now = 1
	}
}

func (s *stamps) at(i int32) int32 {
	if v := s.values[i]; v.time == s.now {
		return v.value
	}
	return 0
}

func (s *stamps) set(i, value int32) { s.values[i] = stamp{s.now, value} }
