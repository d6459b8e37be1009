package kojisim

import (
	"slices"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

func (w *System) scaled(d time.Duration) time.Duration {
	if w.Rules.BuildTime > 0 {
		d = time.Duration(float64(d) * w.Rules.BuildTime)
	}
	return d
}

// takes reports whether the host can run t now. Parents that wait for their
// children may not fill a host, or the children would never run.
func (h *Host) takes(t *Task) bool {
	room := h.Capacity
	if t.isParent() {
		room /= 2
	}
	return h.Enabled && h.Ready && h.Load < room && slices.Contains(h.Channels, t.Channel) &&
		(t.Arch == "noarch" || slices.Contains(h.Arches, t.Arch))
}

// dispatch gives free tasks to hosts, the most urgent first.
func (w *System) dispatch() {
	kept := w.free[:0]
	for _, t := range w.free {
		if t.State != TaskFree {
			continue
		}
		if h := w.hostFor(t); h != nil {
			w.assign(t, h)
		} else {
			kept = append(kept, t)
		}
	}
	clear(w.free[len(kept):])
	w.free = kept
}

// hostFor is the least loaded host that can run t, nil if all are busy.
func (w *System) hostFor(t *Task) *Host {
	var best *Host
	for _, h := range w.Hosts {
		if h.takes(t) && (best == nil || h.Load/h.Capacity < best.Load/best.Capacity) {
			best = h
		}
	}
	return best
}

// queueTask puts a free task where dispatch finds it: by priority, then by age.
func (w *System) queueTask(t *Task) {
	i, _ := slices.BinarySearchFunc(w.free, t, func(a, b *Task) int {
		if a.Priority != b.Priority {
			return a.Priority - b.Priority
		}
		return a.ID - b.ID
	})
	w.free = slices.Insert(w.free, i, t)
	w.After(t.luck.Between(100*time.Millisecond, 3*time.Second), w.dispatch)
}

func flag(b bool) *bool { return &b }

// SetPriority changes a task's priority; a lower number is more urgent.
func (w *System) SetPriority(t *Task, priority int) {
	if i := slices.Index(w.free, t); i >= 0 {
		w.free = slices.Delete(w.free, i, i+1)
	}
	t.Priority = priority
	if t.State == TaskFree {
		w.queueTask(t)
	}
	w.Changed()
}

// newTask makes a free task. Children inherit from their parent.
func (w *System) newTask(method, arch string, request []any, do work) *Task {
	t := &Task{
		ID: len(w.Tasks) + 1, Method: method, Arch: arch, Request: request, work: do,
		Created: w.Now, Priority: 20, Weight: 1, Channel: w.Channels[0],
	}
	if usual := w.ChannelByName("default"); usual != nil {
		t.Channel = usual
	}
	t.luck = draw.From(w.Seed, "task", strconv.Itoa(t.ID))
	w.Tasks = append(w.Tasks, t)
	w.Changed()
	return t
}

// submit makes a top-level task and hands it to the hosts.
func (w *System) submit(method string, owner *User, priority int, request []any, do work) *Task {
	t := w.newTask(method, "noarch", request, do)
	t.Owner, t.Priority = owner, 20+priority
	w.queueTask(t)
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
	w.queueTask(c)
	return c
}

// set changes a task's state and tells who wants to know.
func (w *System) set(t *Task, state int) {
	old := t.State
	t.State = state
	w.Changed()
	w.tell(TaskChange{t, old})
}

func (w *System) reweigh(t *Task, weight float64) {
	if t.Host != nil && (t.State == TaskOpen || t.State == TaskAssigned) {
		t.Host.addLoad(weight - t.Weight)
	}
	t.Weight = weight
}

// then plans do for later in the task's present turn: it does not happen if the
// task has ended or was freed by then.
func (w *System) then(t *Task, d time.Duration, do func()) {
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
	w.then(t, t.luck.Between(200*time.Millisecond, 4*time.Second), func() { w.open(t) })
}

func (w *System) open(t *Task) {
	if t.Started.IsZero() {
		t.Started = w.Now
	}
	w.set(t, TaskOpen)
	if !t.freed && t.luck.Chance(w.Rules.FreedTasks) {
		w.then(t, t.luck.Between(10*time.Second, 5*time.Minute), func() { w.FreeTask(t) })
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
	w.queueTask(t)
}

// release takes a running task's weight off its host.
func (w *System) release(t *Task) {
	if t.Host == nil || t.State != TaskOpen && t.State != TaskAssigned {
		return
	}
	t.Host.addLoad(-t.Weight)
	w.After(t.luck.Between(50*time.Millisecond, 2*time.Second), w.dispatch)
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
	w.then(p, p.luck.Between(500*time.Millisecond, 8*time.Second), func() {
		if p.State == TaskOpen {
			t.Awaited = flag(false)
			p.work(p)
		}
	})
}

// closeTask ends a task that succeeded.
func (w *System) closeTask(t *Task, result any) {
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
