package explain

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/koschei-ci/koschei"
)

// A Submitting says whether builds of a collection are submitted, in a word.
type Submitting string

// The answers. The first that applies is the one.
const (
	NoBuildroot Submitting = "no buildroot" // its base buildroot is not known to be installable
	InTrouble   Submitting = "in trouble"   // the scheduler fails with it
	Unseen      Submitting = "unseen"       // no scheduler has looked at it for long
	Limited     Submitting = "limited"      // the scheduler says what it waits for
	AsTheyCome  Submitting = "as they come"
)

// Submission says whether builds of a collection are submitted at now. scheduler
// is how the scheduler fares with it; its last look may be late old.
func Submission(c *koschei.Collection, scheduler koschei.ServiceReport, now time.Time, late time.Duration) Submitting {
	switch {
	case c.LatestRepoResolved != koschei.Resolved:
		return NoBuildroot
	case scheduler.Trouble != "":
		return InTrouble
	case scheduler.Succeeded.IsZero() || now.Sub(scheduler.Succeeded) > late:
		return Unseen
	case scheduler.Remark != "":
		return Limited
	}
	return AsTheyCome
}

// A Line is what waits in one collection, as far as turns depend on it.
type Line struct {
	Running int     // scratch builds under way
	Weight  float64 // of the collection
	Waiting int     // packages
}

// Turns returns in which order packages of several collections get places if
// nothing changes: for each turn the number of its line. A collection's turn comes
// when it has the fewest builds for its weight, as the scheduler has it.
func Turns(lines []Line, most int) []int {
	type state struct{ line, running, waiting int }
	var open []state
	for i, l := range lines {
		if l.Waiting > 0 && l.Weight > 0 {
			open = append(open, state{i, l.Running, l.Waiting})
		}
	}
	var turns []int
	for len(turns) < most && len(open) > 0 {
		share := func(s state) float64 { return float64(s.running) / lines[s.line].Weight }
		next := slices.MinFunc(open, func(a, b state) int { return cmp.Compare(share(a), share(b)) })
		turns = append(turns, next.line)
		at := slices.Index(open, next)
		open[at].running++
		if open[at].waiting--; open[at].waiting == 0 {
			open = slices.Delete(open, at, at+1)
		}
	}
	return turns
}

// Pace is how many builds end in an hour while as many are under way as now: each
// place gives one when a build's usual time is over. Builds of which that is not
// known take as long as the others do. It is 0 if it is known of none.
func Pace(running []time.Duration) float64 {
	known, perHour := 0, 0.0
	for _, usual := range running {
		if usual > 0 {
			known++
			perHour += float64(time.Hour) / float64(usual)
		}
	}
	if known == 0 {
		return 0
	}
	return perHour * float64(len(running)) / float64(known)
}

// StartOf is when the package at a place of the queue, 1 for the first, gets its
// turn, if builds go on at pace.
func StartOf(place int, pace float64, now time.Time) time.Time {
	if pace <= 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(float64(place) / pace * float64(time.Hour)))
}

// Why says a sentence's words for why nothing of a collection is submitted; "" if
// something is, when its turn comes.
func (s Submitting) Why(c *koschei.Collection, scheduler koschei.ServiceReport) string {
	switch s {
	case NoBuildroot:
		if c.LatestRepoID == 0 {
			return "no repo of it was looked at yet"
		}
		return fmt.Sprintf("its base buildroot cannot be installed from repo %d", c.LatestRepoID)
	case InTrouble:
		return "the scheduler has trouble with it: " + scheduler.Trouble
	case Unseen:
		if scheduler.Succeeded.IsZero() {
			return "no scheduler has looked at it yet"
		}
		return "no scheduler has looked at it since " + scheduler.Succeeded.UTC().Format("2006-01-02 15:04") + " UTC"
	case Limited:
		return scheduler.Remark
	}
	return ""
}
