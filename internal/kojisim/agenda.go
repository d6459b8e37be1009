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

// An agenda is what is still to happen, the next thing first.
type agenda struct {
	queue   pendingQueue
	planned int // so far
}

func (a *agenda) plan(at time.Time, do func()) {
	a.planned++
	heap.Push(&a.queue, pending{at: at, seq: a.planned, do: do})
}

// take returns the next thing that is due at now and forgets it; false if
// nothing is.
func (a *agenda) take(now time.Time) (pending, bool) {
	if len(a.queue) == 0 || a.queue[0].at.After(now) {
		return pending{}, false
	}
	return heap.Pop(&a.queue).(pending), true
}

// next returns when the next planned thing happens.
func (a *agenda) next() (time.Time, bool) {
	if len(a.queue) == 0 {
		return time.Time{}, false
	}
	return a.queue[0].at, true
}

// pendingQueue is a heap of pendings, the next one first.
type pendingQueue []pending

func (q pendingQueue) Len() int { return len(q) }

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
