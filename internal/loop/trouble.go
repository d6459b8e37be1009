package loop

import "time"

// A Trouble is something in a pass that failed, such as a collection, and until
// when it is left alone, so that it does not keep the pass from the others. The
// zero Trouble is none.
type Trouble struct {
	Failures int       // in a row
	Until    time.Time // domain time
}

// The rest after a failure, in domain time. It is shorter than that of a whole
// pass: somebody waits for just this.
const (
	firstRest = 10 * time.Second
	lastRest  = time.Minute
)

// Again is t after one more failure at a domain time: each rest is twice the one
// before.
func (t Trouble) Again(now time.Time) Trouble {
	rest := min(firstRest<<min(t.Failures, 10), lastRest)
	return Trouble{Failures: t.Failures + 1, Until: now.Add(rest)}
}

// Rests says whether it is left alone at a domain time.
func (t Trouble) Rests(now time.Time) bool { return now.Before(t.Until) }
