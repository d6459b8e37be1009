package depsolve

// A Record remembers what the answer to a goal rests on, so that a Change of
// the universe can tell whether the answer still holds.
type Record struct {
	jobs    uint64 // signature of what the goal asks for
	base    []touch
	touched []touch
	weak    bool
	fully   bool // the answer came from the full solver, which looks at everything
}

// A touch is a package that a solver has looked at, and how: ID and aspect in
// one number, since there are hundreds for each goal.
type touch uint32

func newTouch(id ID, how aspect) touch { return touch(id)<<aspectBits | touch(how) }

func (t touch) id() ID      { return ID(t >> aspectBits) }
func (t touch) how() aspect { return aspect(t & (1<<aspectBits - 1)) }

// An aspect is a part of what is known of a package.
type aspect uint8

const (
	demands    aspect = 1 << iota // what follows from installing it
	dependents                    // what follows from its not being installed
	merits                        // how it compares with other candidates

	aspectBits = 3
)

// A recorder notes what its chooser looks at. A nil recorder notes nothing.
type recorder struct {
	looked []aspect // per package
	ids    []ID     // those looked at
}

func newRecorder(u *Universe) *recorder { return &recorder{looked: make([]aspect, len(u.pkgs))} }

func (r *recorder) note(id ID, how aspect) {
	if r.looked[id] == 0 {
		r.ids = append(r.ids, id)
	}
	r.looked[id] |= how
}

// decided notes decisions.
func (r *recorder) decided(trail []ID) {
	if r == nil {
		return
	}
	for _, lit := range trail {
		if lit > 0 {
			r.note(lit, demands)
		} else {
			r.note(-lit, dependents)
		}
	}
}

// compared notes candidates.
func (r *recorder) compared(ids []ID) {
	if r == nil {
		return
	}
	for _, id := range ids {
		r.note(id, merits)
	}
}

// take returns what has been noted and forgets it.
func (r *recorder) take() []touch {
	touched := make([]touch, len(r.ids))
	for i, id := range r.ids {
		touched[i] = newTouch(id, r.looked[id])
		r.looked[id] = 0
	}
	r.ids = r.ids[:0]
	return touched
}

// SolveRecorded is Solve with a Record for Change.Keeps.
func (s *Solver) SolveRecorded(g Goal) (Result, *Record) {
	if s.record == nil {
		s.record = newRecorder(s.u)
	}
	s.prepare(g)
	if s.base.touched == nil {
		s.record.decided(s.trail[:s.base.trail])
		s.base.touched = s.record.take()
	}
	s.recorder = s.record
	result, fully := s.solve()
	s.recorder = nil
	s.record.decided(s.trail[s.base.trail:])
	return result, &Record{
		jobs: s.u.signatures().ofRequest(&s.request), base: s.base.touched, touched: s.record.take(),
		weak: s.weak, fully: fully,
	}
}
