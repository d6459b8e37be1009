package html

import (
	"fmt"
	"math"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/explain"
)

// A BuildRef is a build as other things mention it.
type BuildRef struct {
	ID      int64
	EVR     string
	Outcome koschei.Outcome
	RepoID  int64 // 0 while not known
	Started time.Time
}

// A Build is a build as both its own page and its package's show it.
type Build struct {
	ID              int64
	EVR             string
	Origin          koschei.Origin
	Outcome         koschei.Outcome
	Untagged        bool
	CancelRequested bool
	Event           int64
	RepoID          int64 // 0 while not known
	Arches          string
	Started         time.Time
	Finished        time.Time // zero while it is under way
	Took            string    // "" while it is under way

	TaskID      int64  // 0 if there is none
	TaskURL     string // "" if there is none
	KojiBuildID int64
	Tasks       []Task

	Fault       string // why it did not complete, "" if it did
	FaultTaskID int64
	FaultURL    string // of the task that brought it down, "" if there is none

	Trigger  string // for what priority it was submitted, "" if not known
	Changes  Changes
	DepsNote string // a sentence where there are no changes to show
}

// A Task is a child task of a build.
type Task struct {
	TaskID int64
	Name   string // its architecture, or what else it does
	State  koschei.TaskState
	URL    string
	Took   string
	Lasted time.Duration // 0 while it is under way
	Logs   []Log
	Guilty bool // it brought the build down
}

// A BuildHistory is what is known of a build besides itself.
type BuildHistory struct {
	Tasks    []koschei.Task
	Trigger  *koschei.Priority // for which it was submitted; nil if not known
	Changes  []koschei.Change  // since the build before
	Compared bool              // whether there is a build before that it was compared with
}

// BuildOf shows b.
func BuildOf(b *koschei.Build, h BuildHistory, links Links) *Build {
	v := &Build{
		ID: b.ID, EVR: b.EVR.String(), Origin: b.Origin, Outcome: b.Outcome, Untagged: b.Untagged, CancelRequested: b.CancelRequested,
		Event: b.Event, RepoID: b.RepoID, Arches: b.Arches, Started: b.Started, Finished: b.Finished,
		TaskID: b.TaskID, TaskURL: links.Task(b.Hub, b.TaskID), KojiBuildID: b.KojiBuildID,
		Fault: b.Fault, FaultTaskID: b.FaultTaskID, FaultURL: links.Task(b.Hub, b.FaultTaskID),
		Trigger: triggerNote(h.Trigger), Changes: ChangesOf(h.Changes), DepsNote: depsNote(b, h),
	}
	if !b.Finished.IsZero() {
		v.Took = Duration(b.Finished.Sub(b.Started))
	}
	for _, t := range h.Tasks {
		v.Tasks = append(v.Tasks, taskOf(b, t, links))
	}
	return v
}

func taskOf(b *koschei.Build, t koschei.Task, links Links) Task {
	v := Task{
		TaskID: t.TaskID, Name: t.Method, State: t.State, URL: links.Task(b.Hub, t.TaskID), Logs: links.logs(b.Hub, t),
		Guilty: t.TaskID == b.FaultTaskID,
	}
	if t.Method == "buildArch" {
		v.Name = t.Arch
	}
	if !t.Finished.IsZero() {
		v.Lasted = t.Finished.Sub(t.Started)
		v.Took = Duration(v.Lasted)
	}
	return v
}

func depsNote(b *koschei.Build, h BuildHistory) string {
	switch {
	case b.Deps == koschei.DepsPending && !b.Outcome.Ended():
		return "Its dependencies are looked at when Koji has told its repo."
	case b.Deps == koschei.DepsPending:
		return "Its dependencies have not been looked at yet."
	case b.Deps == koschei.DepsUnresolved:
		return "Its dependencies could not be resolved in its repo."
	case b.Deps == koschei.DepsUnavailable:
		return "Its dependencies are not known: its repo was gone before it was looked at."
	case b.Deps == koschei.DepsForgotten:
		return "What it was built with is not known: the Koschei it was taken over from did not keep it."
	case !h.Compared && len(h.Changes) == 0:
		return "There is no earlier build to compare its dependencies with."
	case len(h.Changes) == 0:
		return "No dependency changed since the build before."
	}
	return ""
}

// triggerNote tells for what priority a scratch build was submitted.
func triggerNote(p *koschei.Priority) string {
	if p == nil {
		return ""
	}
	names := map[explain.TermKind]string{explain.Dependencies: "dependencies", explain.LastBuild: "last build"}
	note := "priority " + Points(p.Total())
	for _, t := range explain.Terms(*p) {
		if math.Round(t.Points) == 0 {
			continue
		}
		name := names[t.Kind]
		if name == "" {
			name = string(t.Kind)
		}
		note += fmt.Sprintf(", %s %s", name, Points(t.Points))
	}
	return note
}
