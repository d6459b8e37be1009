package pages

import (
	"fmt"
	"html/template"
	"math"
	"time"

	"github.com/koschei-ci/koschei"
)

// A whyView explains why a package is scheduled or not, term by term.
type whyView struct {
	Verdict   string
	Class     string        // of Verdict: "good", "dim" or "warn"
	Reasons   []string      // sentences: obstacles, or what holds it
	When      template.HTML // when time alone makes it due; "" if that cannot be told
	Terms     []termView
	Total     string // "" while there are obstacles
	Threshold string
}

// A termView is one term of the priority.
type termView struct {
	Name   string
	Points string
	Note   string
}

func (s *Site) why(p *koschei.PackageStatus, c *koschei.Collection, changes int, scheduler koschei.ServiceReport) whyView {
	now := s.now()
	priority := s.rules.Of(p, c, now)
	v := whyView{Threshold: points(s.rules.BuildThreshold), Terms: s.terms(p, priority, changes)}
	for _, o := range p.Obstacles(c) {
		v.Reasons = append(v.Reasons, sentence(string(o)))
	}
	if len(v.Reasons) > 0 {
		v.Verdict, v.Class = "Not scheduled", "warn"
		return v
	}
	total := priority.Total()
	v.Total = points(total)
	switch {
	case p.HeldAt(now):
		v.Verdict, v.Class = "Held back", "warn"
		v.Reasons = append(v.Reasons, sentence(p.HoldReason),
			fmt.Sprintf("It is tried again after %s UTC.", p.HoldUntil.UTC().Format("2006-01-02 15:04:05")))
	case total >= s.rules.BuildThreshold:
		v.Verdict, v.Class = "Due", "good"
		v.Reasons = append(v.Reasons, turn(scheduler))
	default:
		v.Verdict, v.Class = "Not due yet", "dim"
		v.Reasons = append(v.Reasons, fmt.Sprintf("Its priority of %s is below the %s from which packages are built.", v.Total, v.Threshold))
		if due := s.dueByTime(p, priority); !due.IsZero() {
			v.When = relativeTime(due, now)
		}
	}
	return v
}

// turn tells when a package is built whose priority suffices.
func turn(scheduler koschei.ServiceReport) string {
	const builtWhen = "It is built as soon as its turn comes: more urgent packages first, when Koji has room."
	switch {
	case scheduler.Trouble != "":
		return builtWhen + " But the scheduler has trouble with the collection: " + scheduler.Trouble + "."
	case scheduler.Remark != "":
		return builtWhen + " It waits because " + scheduler.Remark + "."
	}
	return builtWhen
}

// dueByTime is when p's priority reaches the threshold if nothing but time
// changes; zero if it never does.
func (s *Site) dueByTime(p *koschei.PackageStatus, priority koschei.Priority) time.Time {
	if priority.Coefficient <= 0 {
		return time.Time{}
	}
	missing := (s.rules.BuildThreshold-priority.Manual-priority.Static)/priority.Coefficient - priority.Dependency - priority.Build
	a, b := s.rules.TimeCoefficients()
	hours := math.Pow(10, (missing-b)/a)
	if hours > 10*365*24 {
		return time.Time{}
	}
	return p.LastBuildStarted.Add(time.Duration(hours * float64(time.Hour)))
}

func (s *Site) terms(p *koschei.PackageStatus, priority koschei.Priority, changes int) []termView {
	weighed := func(f float64) string { return points(f * priority.Coefficient) }
	age := "no build is known"
	if !p.LastBuildStarted.IsZero() {
		age = span(max(0, s.now().Sub(p.LastBuildStarted))) + " since the last build started"
	}
	changesNote := "no change is known since the last build"
	if changes > 0 {
		changesNote = plural(changes, "change") + " since the last build"
	}
	terms := []termView{
		{"Manual priority", points(priority.Manual), "set by a user, until the next build"},
		{"Static priority", points(priority.Static), "set by an operator"},
		{"Dependencies", weighed(priority.Dependency), changesNote},
		{"Last build", weighed(priority.Build), lastBuildNote(p)},
	}
	if !p.LastBuildStarted.IsZero() {
		terms = append(terms, termView{"Time", weighed(priority.Time), age})
	}
	if priority.Coefficient != 1 {
		for i := 2; i < len(terms); i++ {
			terms[i].Note += fmt.Sprintf(", times the collection's %g", priority.Coefficient)
		}
	}
	return terms
}

func lastBuildNote(p *koschei.PackageStatus) string {
	switch {
	case p.BuildPriority == 0:
		return "nothing about it asks for another"
	case p.LastCompleteOutcome == koschei.OutcomeFailed:
		return "it failed: another try tells whether that lasts"
	default:
		return "its dependencies could not be resolved"
	}
}

// triggerNote tells for what priority a scratch build was submitted.
func triggerNote(p *koschei.Priority) string {
	if p == nil {
		return ""
	}
	note := "priority " + points(p.Total())
	for _, t := range []struct {
		name  string
		value float64
	}{
		{"manual", p.Manual},
		{"static", p.Static},
		{"dependencies", p.Dependency * p.Coefficient},
		{"last build", p.Build * p.Coefficient},
		{"time", p.Time * p.Coefficient},
	} {
		if math.Round(t.value) != 0 {
			note += fmt.Sprintf(", %s %s", t.name, points(t.value))
		}
	}
	return note
}
