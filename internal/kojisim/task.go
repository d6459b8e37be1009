package kojisim

import (
	"fmt"
	"slices"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// States of a task.
const (
	TaskFree     = 0
	TaskOpen     = 1
	TaskClosed   = 2
	TaskCanceled = 3
	TaskAssigned = 4
	TaskFailed   = 5
)

// A Task is a piece of work for a host.
type Task struct {
	ID       int
	Method   string
	Label    string // "" is nil
	Arch     string
	State    int
	Parent   *Task
	Children []*Task
	Owner    *User
	Host     *Host
	Channel  *Channel
	Priority int
	Weight   float64
	Waiting  *bool
	Awaited  *bool

	Created, Started, Completed time.Time

	Request []any // positional parameters as submitted
	Result  any
	Fault   *fault.Fault

	luck    draw.Draw
	turn    int  // counts assignments; what was planned for an older one is void
	freed   bool // has been freed once
	work    work
	Options Options // of a build that somebody submitted
	Notes   taskNotes
}

// taskNotes is what a task's logs tell.
type taskNotes struct {
	Source  *Build
	Repo    *Repo
	Outcome *outcome // set if this very task failed for it
	BrootID int
}

// A work is what a task does once it is open. It is called each time the task
// opens and each time one of its children ends, and must find out itself how
// far it has come.
type work func(t *Task)

// Ended reports whether nothing more happens to the task.
func (t *Task) Ended() bool {
	return t.State == TaskClosed || t.State == TaskCanceled || t.State == TaskFailed
}

// isParent reports whether t is work that mostly waits for other tasks.
func (t *Task) isParent() bool { return t.Method == "build" || t.Method == "newRepo" }

// child returns the child of t with the given method and label.
func (t *Task) child(method, label string) *Task {
	for _, c := range t.Children {
		if c.Method == method && c.Label == label {
			return c
		}
	}
	return nil
}

// failedChild is the first child that ended badly, nil if none did.
func (t *Task) failedChild() *Task {
	for _, c := range t.Children {
		if c.State == TaskFailed || c.State == TaskCanceled {
			return c
		}
	}
	return nil
}

// childrenEnded reports whether nothing more happens to any child.
func (t *Task) childrenEnded() bool {
	return !slices.ContainsFunc(t.Children, func(c *Task) bool { return !c.Ended() })
}

// childrenClosed reports whether all children of a method have succeeded.
func (t *Task) childrenClosed(method string) bool {
	for _, c := range t.Children {
		if c.Method == method && c.State != TaskClosed {
			return false
		}
	}
	return true
}

// childFault is the fault with which a parent fails for its child.
func childFault(c *Task) *fault.Fault {
	if c.Fault != nil {
		return c.Fault
	}
	return fault.Generic("Task %d is canceled", c.ID)
}

// TaskStateName is Koji's word for a state of a task.
func TaskStateName(state int) string {
	return [...]string{"FREE", "OPEN", "CLOSED", "CANCELED", "ASSIGNED", "FAILED"}[state]
}

// Dir is where the task's files lie, below work.
func (t *Task) Dir() string { return fmt.Sprintf("tasks/%d/%d", t.ID%10000, t.ID) }

// RunsMock reports whether the task runs mock.
func (t *Task) RunsMock() bool {
	return t.Method == "buildArch" || t.IsSRPM()
}

// IsSRPM reports whether the task makes a source package.
func (t *Task) IsSRPM() bool { return t.Method == "rebuildSRPM" || t.Method == "buildSRPMFromSCM" }
