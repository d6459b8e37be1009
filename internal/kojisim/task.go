package kojisim

import (
	"fmt"
	"strconv"
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

	Luck    draw.Draw
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

func flag(b bool) *bool { return &b }

// newTask makes a free task. Children inherit from their parent.
func (w *System) newTask(method, arch string, request []any, do work) *Task {
	t := &Task{
		ID: len(w.Tasks) + 1, Method: method, Arch: arch, Request: request, work: do,
		Created: w.Now, Priority: 20, Weight: 1, Channel: w.Channels[0],
	}
	t.Luck = draw.From(w.Seed, "task", strconv.Itoa(t.ID))
	w.Tasks = append(w.Tasks, t)
	w.Changed()
	return t
}

// Submit makes a top-level task and hands it to the hosts.
func (w *System) Submit(method string, owner *User, priority int, request []any, do work) *Task {
	t := w.newTask(method, "noarch", request, do)
	t.Owner, t.Priority = owner, 20+priority
	w.QueueTask(t)
	return t
}

// subtask makes a child of t and lets t wait for it.
func (w *System) subtask(t *Task, method, label, arch string, weight float64, request []any, do work) *Task {
	c := w.newTask(method, arch, request, do)
	c.Parent, c.Label, c.Owner, c.Channel = t, label, t.Owner, t.Channel
	c.Priority, c.Weight, c.Awaited = t.Priority-1, weight, flag(true)
	t.Children = append(t.Children, c)
	t.Waiting = flag(true)
	w.reweigh(t, 0.2)
	w.QueueTask(c)
	return c
}

// child returns the child of t with the given method and label.
func (t *Task) child(method, label string) *Task {
	for _, c := range t.Children {
		if c.Method == method && c.Label == label {
			return c
		}
	}
	return nil
}

// TaskByID finds a task; nil if there is none.
func (w *System) TaskByID(id int) *Task {
	if id < 1 || id > len(w.Tasks) {
		return nil
	}
	return w.Tasks[id-1]
}

// set changes a task's state and tells who wants to know.
func (w *System) set(t *Task, state int) {
	old := t.State
	t.State = state
	w.Changed()
	w.Tell(TaskChange{t, old})
}

func (w *System) reweigh(t *Task, weight float64) {
	if t.Host != nil && (t.State == TaskOpen || t.State == TaskAssigned) {
		t.Host.addLoad(weight - t.Weight)
	}
	t.Weight = weight
}

// Then plans do for later in the task's present turn: it does not happen if the
// task has ended or was freed by then.
func (w *System) Then(t *Task, d time.Duration, do func()) {
	turn := t.turn
	w.After(d, func() {
		if t.turn == turn && !t.Ended() {
			do()
		}
	})
}

func (w *System) assign(t *Task, h *Host) {
	t.Host = h
	t.turn++
	h.addLoad(t.Weight)
	w.set(t, TaskAssigned)
	w.Then(t, t.Luck.Between(200*time.Millisecond, 4*time.Second), func() { w.open(t) })
}

func (w *System) open(t *Task) {
	if t.Started.IsZero() {
		t.Started = w.Now
	}
	w.set(t, TaskOpen)
	if !t.freed && t.Luck.Chance(w.Rules.FreedTasks) {
		w.Then(t, t.Luck.Between(10*time.Second, 5*time.Minute), func() { w.FreeTask(t) })
	}
	t.work(t)
}

// FreeTask takes a task from its host, as when a builder is restarted.
func (w *System) FreeTask(t *Task) {
	w.release(t)
	t.turn++
	t.freed = true
	t.Host = nil
	w.set(t, TaskFree)
	w.QueueTask(t)
}

// release takes a running task's weight off its host.
func (w *System) release(t *Task) {
	if t.Host == nil || t.State != TaskOpen && t.State != TaskAssigned {
		return
	}
	t.Host.addLoad(-t.Weight)
	w.After(t.Luck.Between(50*time.Millisecond, 2*time.Second), w.dispatch)
}

// end finishes a task and wakes its parent.
func (w *System) end(t *Task, state int) {
	w.release(t)
	t.Completed = w.Now
	if t.isParent() && t.Waiting != nil {
		t.Waiting = flag(false)
	}
	w.set(t, state)
	p := t.Parent
	if p == nil || p.Ended() {
		return
	}
	w.Then(p, p.Luck.Between(500*time.Millisecond, 8*time.Second), func() {
		if p.State == TaskOpen {
			t.Awaited = flag(false)
			p.work(p)
		}
	})
}

// CloseTask ends a task that succeeded.
func (w *System) CloseTask(t *Task, result any) {
	t.Result = result
	w.end(t, TaskClosed)
}

// failTask ends a task that failed, and cancels what it has started.
func (w *System) failTask(t *Task, f *fault.Fault) {
	t.Fault = f
	w.end(t, TaskFailed)
	w.cancelChildren(t)
}

// CancelTask cancels a task and all below it that has not ended.
func (w *System) CancelTask(t *Task) {
	if t.Ended() {
		return
	}
	w.end(t, TaskCanceled)
	w.cancelChildren(t)
}

func (w *System) cancelChildren(t *Task) {
	for _, c := range t.Children {
		w.CancelTask(c)
	}
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
