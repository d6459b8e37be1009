package packagepage

import (
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/explain"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A whyView tells why a package is scheduled or not, term by term.
type whyView struct {
	Verdict   string
	Class     string    // of Verdict: "ok", "dim" or "warn"
	Reasons   []string  // sentences
	DueAt     time.Time // when time alone makes it due; zero if that cannot be told
	Terms     []termView
	Total     string // "" while it cannot be built whatever its priority
	Threshold string
}

// A termView is one term of the priority.
type termView struct {
	Name   string
	Points string
	Note   string
}

// whyOf puts w in words. changes is how many dependencies of p have changed
// since its last build.
func whyOf(w explain.Why, p *koschei.PackageStatus, changes int, now time.Time) whyView {
	v := whyView{DueAt: w.DueAt, Threshold: html.Points(w.Threshold), Terms: terms(w.Priority, p, changes, now)}
	if w.Verdict != explain.Impossible {
		v.Total = html.Points(w.Priority.Total())
	}
	switch w.Verdict {
	case explain.Impossible:
		v.Verdict, v.Class = "Not scheduled", "warn"
	case explain.Held:
		v.Verdict, v.Class = "Held back", "warn"
	case explain.NotDue:
		v.Verdict, v.Class = "Not due yet", "dim"
	case explain.Due:
		v.Verdict, v.Class = "Due", "ok"
		v.Reasons = append(v.Reasons, turn(w.Wait))
	}
	for _, r := range w.Reasons {
		switch r.Kind {
		case explain.Obstacle:
			v.Reasons = append(v.Reasons, html.Sentence(string(r.Obstacle)))
		case explain.Hold:
			v.Reasons = append(v.Reasons, html.Sentence(r.Hold),
				fmt.Sprintf("It is tried again after %s UTC.", r.Until.UTC().Format("2006-01-02 15:04:05")))
		case explain.Priority:
			v.Reasons = append(v.Reasons, fmt.Sprintf("Its priority of %s is below the %s from which packages are built.", v.Total, v.Threshold))
		}
	}
	return v
}

// turn tells when a package is built whose priority suffices.
func turn(w explain.Wait) string {
	const builtWhen = "It is built as soon as its turn comes: more urgent packages first, when Koji has room."
	switch {
	case w.Trouble != "":
		return builtWhen + " But the scheduler has trouble with the collection: " + w.Trouble + "."
	case w.Limit != "":
		return builtWhen + " It waits because " + w.Limit + "."
	}
	return builtWhen
}

func terms(priority koschei.Priority, p *koschei.PackageStatus, changes int, now time.Time) []termView {
	changesNote := "no change is known since the last build"
	if changes > 0 {
		changesNote = html.Plural(changes, "change") + " since the last build"
	}
	times := ""
	if priority.Coefficient != 1 {
		times = fmt.Sprintf(", times the collection's %g", priority.Coefficient)
	}
	var views []termView
	for _, t := range explain.Terms(priority) {
		v := termView{Points: html.Points(t.Points)}
		switch t.Kind {
		case explain.Manual:
			v.Name, v.Note = "Manual priority", "set by a user, until the next build"
		case explain.Static:
			v.Name, v.Note = "Static priority", "set by an operator"
		case explain.Dependencies:
			v.Name, v.Note = "Dependencies", changesNote+times
		case explain.LastBuild:
			v.Name, v.Note = "Last build", lastBuildNote(p)+times
		case explain.Time:
			if p.LastBuildStarted.IsZero() {
				continue
			}
			v.Name, v.Note = "Time", html.Span(max(0, now.Sub(p.LastBuildStarted)))+" since the last build started"+times
		}
		views = append(views, v)
	}
	return views
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
