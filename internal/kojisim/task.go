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
	taskFree     = 0
	taskOpen     = 1
	taskClosed   = 2
	taskCanceled = 3
	taskAssigned = 4
	taskFailed   = 5
)

// A task is a piece of work for a host.
type task struct {
	id       int
	method   string
	label    string // "" is nil
	arch     string
	state    int
	parent   *task
	children []*task
	owner    *user
	host     *host
	channel  *channel
	priority int
	weight   float64
	waiting  *bool
	awaited  *bool

	created, started, completed time.Time

	request []any // positional parameters as submitted
	result  any
	fault   *fault.Fault

	luck    draw.Draw
	turn    int  // counts assignments; what was planned for an older one is void
	freed   bool // has been freed once
	work    work
	options Options // of a build that somebody submitted
	notes   taskNotes
}

// taskNotes is what a task's logs tell.
type taskNotes struct {
	source  *build
	repo    *repo
	outcome *outcome // set if this very task failed for it
	brootID int
}

// A work is what a task does once it is open. It is called each time the task
// opens and each time one of its children ends, and must find out itself how
// far it has come.
type work func(t *task)

// ended reports whether nothing more happens to the task.
func (t *task) ended() bool {
	return t.state == taskClosed || t.state == taskCanceled || t.state == taskFailed
}

// isParent reports whether t is work that mostly waits for other tasks.
func (t *task) isParent() bool { return t.method == "build" || t.method == "newRepo" }

func flag(b bool) *bool { return &b }

// newTask makes a free task. Children inherit from their parent.
func (w *System) newTask(method, arch string, request []any, do work) *task {
	t := &task{
		id: len(w.tasks) + 1, method: method, arch: arch, request: request, work: do,
		created: w.now, priority: 20, weight: 1, channel: w.channels[0],
	}
	t.luck = draw.From(w.seed, "task", strconv.Itoa(t.id))
	w.tasks = append(w.tasks, t)
	w.changed()
	return t
}

// submit makes a top-level task and hands it to the hosts.
func (w *System) submit(method string, owner *user, priority int, request []any, do work) *task {
	t := w.newTask(method, "noarch", request, do)
	t.owner, t.priority = owner, 20+priority
	w.queueTask(t)
	return t
}

// subtask makes a child of t and lets t wait for it.
func (w *System) subtask(t *task, method, label, arch string, weight float64, request []any, do work) *task {
	c := w.newTask(method, arch, request, do)
	c.parent, c.label, c.owner, c.channel = t, label, t.owner, t.channel
	c.priority, c.weight, c.awaited = t.priority-1, weight, flag(true)
	t.children = append(t.children, c)
	t.waiting = flag(true)
	w.reweigh(t, 0.2)
	w.queueTask(c)
	return c
}

// child returns the child of t with the given method and label.
func (t *task) child(method, label string) *task {
	for _, c := range t.children {
		if c.method == method && c.label == label {
			return c
		}
	}
	return nil
}

// taskByID finds a task; nil if there is none.
func (w *System) taskByID(id int) *task {
	if id < 1 || id > len(w.tasks) {
		return nil
	}
	return w.tasks[id-1]
}

// set changes a task's state and tells who wants to know.
func (w *System) set(t *task, state int) {
	old := t.state
	t.state = state
	w.changed()
	w.tell(TaskChange{t, old})
}

func (w *System) reweigh(t *task, weight float64) {
	if t.host != nil && (t.state == taskOpen || t.state == taskAssigned) {
		t.host.addLoad(weight - t.weight)
	}
	t.weight = weight
}

// then plans do for later in the task's present turn: it does not happen if the
// task has ended or was freed by then.
func (w *System) then(t *task, d time.Duration, do func()) {
	turn := t.turn
	w.after(d, func() {
		if t.turn == turn && !t.ended() {
			do()
		}
	})
}

func (w *System) assign(t *task, h *host) {
	t.host = h
	t.turn++
	h.addLoad(t.weight)
	w.set(t, taskAssigned)
	w.then(t, t.luck.Between(200*time.Millisecond, 4*time.Second), func() { w.open(t) })
}

func (w *System) open(t *task) {
	if t.started.IsZero() {
		t.started = w.now
	}
	w.set(t, taskOpen)
	if !t.freed && t.luck.Chance(w.rules.FreedTasks) {
		w.then(t, t.luck.Between(10*time.Second, 5*time.Minute), func() { w.freeTask(t) })
	}
	t.work(t)
}

// freeTask takes a task from its host, as when a builder is restarted.
func (w *System) freeTask(t *task) {
	w.release(t)
	t.turn++
	t.freed = true
	t.host = nil
	w.set(t, taskFree)
	w.queueTask(t)
}

// release takes a running task's weight off its host.
func (w *System) release(t *task) {
	if t.host == nil || t.state != taskOpen && t.state != taskAssigned {
		return
	}
	t.host.addLoad(-t.weight)
	w.after(t.luck.Between(50*time.Millisecond, 2*time.Second), w.dispatch)
}

// end finishes a task and wakes its parent.
func (w *System) end(t *task, state int) {
	w.release(t)
	t.completed = w.now
	if t.isParent() && t.waiting != nil {
		t.waiting = flag(false)
	}
	w.set(t, state)
	p := t.parent
	if p == nil || p.ended() {
		return
	}
	w.then(p, p.luck.Between(500*time.Millisecond, 8*time.Second), func() {
		if p.state == taskOpen {
			t.awaited = flag(false)
			p.work(p)
		}
	})
}

// closeTask ends a task that succeeded.
func (w *System) closeTask(t *task, result any) {
	t.result = result
	w.end(t, taskClosed)
}

// failTask ends a task that failed, and cancels what it has started.
func (w *System) failTask(t *task, f *fault.Fault) {
	t.fault = f
	w.end(t, taskFailed)
	w.cancelChildren(t)
}

// cancelTask cancels a task and all below it that has not ended.
func (w *System) cancelTask(t *task) {
	if t.ended() {
		return
	}
	w.end(t, taskCanceled)
	w.cancelChildren(t)
}

func (w *System) cancelChildren(t *task) {
	for _, c := range t.children {
		w.cancelTask(c)
	}
}

// failedChild is the first child that ended badly, nil if none did.
func (t *task) failedChild() *task {
	for _, c := range t.children {
		if c.state == taskFailed || c.state == taskCanceled {
			return c
		}
	}
	return nil
}

// childrenClosed reports whether all children of a method have succeeded.
func (t *task) childrenClosed(method string) bool {
	for _, c := range t.children {
		if c.method == method && c.state != taskClosed {
			return false
		}
	}
	return true
}

// childFault is the fault with which a parent fails for its child.
func childFault(c *task) *fault.Fault {
	if c.fault != nil {
		return c.fault
	}
	return fault.Generic("Task %d is canceled", c.id)
}

// taskStateName is Koji's word for a state of a task.
func taskStateName(state int) string {
	return [...]string{"FREE", "OPEN", "CLOSED", "CANCELED", "ASSIGNED", "FAILED"}[state]
}

// dir is where the task's files lie, below work.
func (t *task) dir() string { return fmt.Sprintf("tasks/%d/%d", t.id%10000, t.id) }

// builds reports whether the task runs mock.
func (t *task) builds() bool {
	return t.method == "buildArch" || t.isSRPM()
}

// isSRPM reports whether the task makes a source package.
func (t *task) isSRPM() bool { return t.method == "rebuildSRPM" || t.method == "buildSRPMFromSCM" }
