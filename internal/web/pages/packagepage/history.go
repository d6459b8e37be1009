package packagepage

import (
	"fmt"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A row is one line of the history: a build, or the time during which the
// package's dependencies could not be installed.
type row struct {
	Mark    html.Mark
	Class   string
	ID      int64 // of the build; 0 for none
	EVR     string
	Started time.Time
	Took    string
	RepoID  int64  // 0 if it is not known
	Tag     string // "real build" and the like, "" for none

	Nearest *html.Change // of what had changed before it; nil if nothing near had
	What    string       // the rest of that, in words
	More    *details     // nil if there is nothing more to say
}

// details are what a row unfolds to.
type details struct {
	Fault    string
	Stopped  *html.Task // that brought it down; nil if that is not known
	Times    string     // how long each architecture took
	TaskID   int64
	TaskURL  string
	Trigger  string
	Changes  []html.Change // the nearest
	Left     int           // changes besides them
	Problems []string
}

// shownChanges are how many changes a row unfolds to; its build's page has all.
const shownChanges = 5

// rows shows a history, newest first.
func rows(page *view.PackagePage, links html.Links) []row {
	var list []row
	for i := range page.History {
		switch e := &page.History[i]; {
		case e.Build != nil:
			list = append(list, buildRow(e.Build, links))
		case e.Transition != nil:
			list = append(list, transitionRow(page.History, i))
		}
	}
	return list
}

func buildRow(b *view.BuildRecord, links html.Links) row {
	shown := html.BuildOf(&b.Build, html.BuildHistory{Tasks: b.Tasks, Trigger: b.Trigger, Changes: b.Changes, Compared: b.PrevBuildID != 0}, links)
	r := row{
		Mark: html.MarkOf(string(b.Outcome)), ID: b.ID, EVR: shown.EVR, Started: b.Started, Took: shown.Took, RepoID: b.RepoID,
		Class: "o-" + string(b.Outcome),
	}
	switch {
	case b.Untagged:
		r.Tag, r.Class = "untagged", r.Class+" untagged"
	case b.CancelRequested:
		r.Tag = "cancel requested"
	case b.Origin == koschei.Real:
		r.Tag, r.Class = "real build", r.Class+" real"
	}
	r.Nearest, r.What = whatChanged(b, shown)
	if b.Outcome.Fault() {
		r.Nearest, r.What = nil, faultWords(b)
	}
	r.More = &details{
		Fault: b.Fault, Times: times(shown), TaskID: b.TaskID, TaskURL: shown.TaskURL, Trigger: shown.Trigger,
		Changes: append(shown.Changes.Shown, shown.Changes.Folded...), Left: b.Near + b.Far - len(b.Changes),
	}
	for i := range shown.Tasks {
		if shown.Tasks[i].Guilty {
			r.More.Stopped = &shown.Tasks[i]
		}
	}
	return r
}

// whatChanged says what had changed before a build, the nearest of it apart.
func whatChanged(b *view.BuildRecord, shown *html.Build) (nearest *html.Change, rest string) {
	switch {
	case b.Near+b.Far == 0 && b.Deps == koschei.DepsResolved && b.PrevBuildID != 0:
		return nil, "nothing: same packages as the build before"
	case b.Near+b.Far == 0:
		return nil, shown.DepsNote
	case b.Near == 0:
		return nil, "time alone: " + html.Plural(b.Far, "far change")
	}
	nearest = &shown.Changes.Shown[0]
	switch others := b.Near + b.Far - 1; others {
	case 0:
		return nearest, ""
	case b.Far:
		return nearest, "and " + html.Count(others) + " far"
	default:
		return nearest, "and " + html.Count(others) + " more"
	}
}

func faultWords(b *view.BuildRecord) string {
	if b.Fault == "" {
		return "It does not count."
	}
	return html.Sentence(b.Fault) + " It does not count."
}

// times are how long the tasks of a build took.
func times(b *html.Build) string {
	var each []string
	for _, t := range b.Tasks {
		words := t.Name + " " + string(t.State)
		if t.Took != "" && t.State == koschei.TaskClosed {
			words = t.Name + " " + t.Took
		} else if t.Took != "" {
			words += " after " + t.Took
		}
		each = append(each, words)
	}
	return strings.Join(each, " · ")
}

// transitionRow shows entry i of a history, a change of whether dependencies can
// be installed.
func transitionRow(history []view.HistoryEntry, i int) row {
	t := history[i].Transition
	r := row{Started: t.Changed, RepoID: t.RepoID, Class: "o-resolved", Mark: html.Mark{Shape: "ok", Word: "resolved"}, What: "Its dependencies can be installed."}
	if t.Resolved {
		if before := older(history, i); before != nil && !before.Resolved {
			r.What = fmt.Sprintf("Its dependencies can be installed again, after %s.", html.Span(t.Changed.Sub(before.Changed)))
		}
		return r
	}
	r.Class, r.Mark = "o-unresolved", html.Mark{Shape: "warn", Word: "unresolved"}
	r.What = "Its dependencies cannot be installed."
	if len(t.Problems) == 1 {
		r.What = html.Sentence(t.Problems[0])
	} else if len(t.Problems) > 1 {
		r.What, r.More = fmt.Sprintf("%s And %s.", html.Sentence(t.Problems[0]), html.Plural(len(t.Problems)-1, "more problem")), &details{Problems: t.Problems[1:]}
	}
	return r
}

// older is the transition before entry i, nil if none is shown.
func older(history []view.HistoryEntry, i int) *view.ResolutionTransition {
	for _, e := range history[i+1:] {
		if e.Transition != nil {
			return e.Transition
		}
	}
	return nil
}
