// Package explain answers why a package is built now or is not, once and as
// data: obstacles, a hold, a priority below the threshold, and what the whole
// collection waits for. Pages and the command line put it in words; Phrases has
// those of the command line and of its JSON.
//
// It decides nothing. Obstacles and priorities are the root package's, and the
// scheduler goes by them itself. It reads nothing either.
package explain

import (
	"fmt"
	"math"
	"time"

	"github.com/koschei-ci/koschei"
)

// A Verdict is the answer in short.
type Verdict string

// The verdicts. The first that applies is the one.
const (
	Impossible Verdict = "impossible" // there are obstacles
	Held       Verdict = "held"       // the scheduler passes it over for a while
	NotDue     Verdict = "not due"    // its priority is below the threshold
	Due        Verdict = "due"        // it is built when its turn comes
)

// A Kind says what a reason is.
type Kind string

// The kinds of reasons.
const (
	Obstacle Kind = "obstacle"
	Hold     Kind = "hold"
	Priority Kind = "priority"
)

// A Reason is one thing that keeps a package from being built.
type Reason struct {
	Kind     Kind
	Obstacle koschei.Obstacle // of kind Obstacle
	Hold     string           // of kind Hold: why it is held
	Until    time.Time        // of kind Hold
}

// A Wait is what keeps all packages of a collection from being submitted.
type Wait struct {
	Trouble string // why the scheduler fails with the collection; "" if it does not
	Limit   string // what it waits for, as a limit of builds; "" if for nothing
}

// A Why is why a package is built or is not.
type Why struct {
	Verdict   Verdict
	Reasons   []Reason // none if it is due
	Priority  koschei.Priority
	Threshold float64   // the priority from which packages are built
	DueAt     time.Time // when time alone makes it due; zero unless the verdict is NotDue, or if it never does
	Wait      Wait
}

// Package says why p, in its collection c, is built at now or is not. scheduler
// is how the scheduler fares with c.
func Package(rules koschei.PriorityRules, p *koschei.PackageStatus, c *koschei.Collection, scheduler koschei.ServiceReport, now time.Time) Why {
	w := Why{Verdict: Due, Priority: rules.Of(p, c, now), Threshold: rules.BuildThreshold, Wait: Wait{Trouble: scheduler.Trouble}}
	if w.Wait.Trouble == "" {
		w.Wait.Limit = scheduler.Remark
	}
	for _, o := range p.Obstacles(c) {
		w.add(Impossible, Reason{Kind: Obstacle, Obstacle: o})
	}
	if p.HeldAt(now) {
		w.add(Held, Reason{Kind: Hold, Hold: p.HoldReason, Until: p.HoldUntil})
	}
	if w.Verdict != Impossible && w.Priority.Total() < w.Threshold { // it means nothing while there are obstacles
		w.add(NotDue, Reason{Kind: Priority})
	}
	if w.Verdict == NotDue {
		w.DueAt = dueByTime(rules, p, w.Priority)
	}
	return w
}

// add adds a reason; the first one's verdict is the answer.
func (w *Why) add(v Verdict, r Reason) {
	if len(w.Reasons) == 0 {
		w.Verdict = v
	}
	w.Reasons = append(w.Reasons, r)
}

// dueByTime is when p's priority reaches the threshold if nothing but time
// changes; zero if it never does.
func dueByTime(rules koschei.PriorityRules, p *koschei.PackageStatus, priority koschei.Priority) time.Time {
	if priority.Coefficient <= 0 {
		return time.Time{}
	}
	missing := (rules.BuildThreshold-priority.Manual-priority.Static)/priority.Coefficient - priority.Dependency - priority.Build
	a, b := rules.TimeCoefficients()
	hours := math.Pow(10, (missing-b)/a)
	if hours > 10*365*24 {
		return time.Time{}
	}
	return p.LastBuildStarted.Add(time.Duration(hours * float64(time.Hour)))
}

// Phrases are the reasons in words that begin lower case and have no full stop.
func (w *Why) Phrases() []string {
	phrases := []string{}
	for _, r := range w.Reasons {
		switch r.Kind {
		case Obstacle:
			phrases = append(phrases, string(r.Obstacle))
		case Hold:
			phrases = append(phrases, fmt.Sprintf("held until %s: %s", r.Until.UTC().Format("2006-01-02 15:04Z"), r.Hold))
		case Priority:
			phrases = append(phrases, fmt.Sprintf("its priority of %.0f is below %.0f", w.Priority.Total(), w.Threshold))
		}
	}
	return phrases
}

// Phrase is what the collection waits for, "" if for nothing.
func (w Wait) Phrase() string {
	if w.Trouble != "" {
		return "the scheduler has trouble with the collection: " + w.Trouble
	}
	return w.Limit
}

// A Term is one of the numbers that add up to a priority.
type Term struct {
	Kind   TermKind
	Points float64
}

// A TermKind says what a term is for.
type TermKind string

// The kinds of terms.
const (
	Manual       TermKind = "manual"
	Static       TermKind = "static"
	Dependencies TermKind = "dependency"
	LastBuild    TermKind = "build"
	Time         TermKind = "time"
)

// Terms are what adds up to p, always in the same order, with the collection's
// coefficient applied.
func Terms(p koschei.Priority) []Term {
	return []Term{
		{Manual, p.Manual},
		{Static, p.Static},
		{Dependencies, p.Coefficient * p.Dependency},
		{LastBuild, p.Coefficient * p.Build},
		{Time, p.Coefficient * p.Time},
	}
}
