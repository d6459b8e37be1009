package whatif

import "github.com/koschei-ci/koschei/internal/depsolve"

// A Report is what solving all goals came to.
type Report struct {
	Counts
	Failures []Failure   `json:"failures"`
	With     *Difference `json:"with,omitempty"` // what the change does; nil if there is none
}

// Counts are how many goals there are.
type Counts struct {
	Goals    int `json:"goals"`
	Resolved int `json:"resolved"`
	Failed   int `json:"failed"`
}

// A Failure says why a goal cannot be resolved.
type Failure struct {
	Name     string   `json:"name"`
	Problems []string `json:"problems"`
}

func newReport(change bool) *Report {
	r := &Report{Failures: []Failure{}}
	if change {
		r.With = newDifference()
	}
	return r
}

// add adds what has been found out about some goals.
func (r *Report) add(b *batch) {
	r.Goals += b.goals
	r.Failed += b.failed
	r.Resolved = r.Goals - r.Failed
	r.Failures = append(r.Failures, b.failures...)
	if r.With != nil {
		r.With.merge(b.with)
	}
}

// A Difference is what a change does to the goals.
type Difference struct {
	Broken      []Failure `json:"broken"`
	Fixed       []string  `json:"fixed"`
	Changed     []string  `json:"changed"`      // resolve as before, with other packages
	SolvedAgain int       `json:"solved_again"` // goals whose answer could be another
}

func newDifference() *Difference {
	return &Difference{Broken: []Failure{}, Fixed: []string{}, Changed: []string{}}
}

// count counts one more goal.
func (d *Difference) count(name string, effect depsolve.Effect, again bool, problems []string) {
	switch effect {
	case depsolve.Broken:
		d.Broken = append(d.Broken, Failure{Name: name, Problems: problems})
	case depsolve.Fixed:
		d.Fixed = append(d.Fixed, name)
	case depsolve.Moved:
		d.Changed = append(d.Changed, name)
	case depsolve.Unchanged:
	}
	if again {
		d.SolvedAgain++
	}
}

// merge adds what another has counted.
func (d *Difference) merge(other *Difference) {
	d.Broken = append(d.Broken, other.Broken...)
	d.Fixed = append(d.Fixed, other.Fixed...)
	d.Changed = append(d.Changed, other.Changed...)
	d.SolvedAgain += other.SolvedAgain
}
