package kojisim

import (
	"container/heap"
	"time"
)

// A pending is something that happens in the world at a certain time.
type pending struct {
	at  time.Time
	seq int // what was planned first happens first
	do  func()
}

// pendingQueue is a heap of pendings, the next one first.
type pendingQueue []pending

func (q pendingQueue) Len() int      { return len(q) }
func (q pendingQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q pendingQueue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].seq < q[j].seq
}

// Push is for container/heap.
func (q *pendingQueue) Push(x any) { *q = append(*q, x.(pending)) }

// Pop is for container/heap.
func (q *pendingQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = pending{}
	*q = old[:len(old)-1]
	return last
}

// after plans do for d after the world's present.
func (w *World) after(d time.Duration, do func()) {
	w.planned++
	heap.Push(&w.queue, pending{at: w.now.Add(d), seq: w.planned, do: do})
}

// advance brings the world to now, running everything that is due on the way.
func (w *World) advance(now time.Time) {
	for len(w.queue) > 0 && !w.queue[0].at.After(now) {
		p := heap.Pop(&w.queue).(pending)
		if p.at.After(w.now) {
			w.now = p.at
		}
		p.do()
	}
	if now.After(w.now) {
		w.now = now
	}
}

// nextDue returns when the next planned thing happens.
func (w *World) nextDue() (time.Time, bool) {
	if len(w.queue) == 0 {
		return time.Time{}, false
	}
	return w.queue[0].at, true
}
