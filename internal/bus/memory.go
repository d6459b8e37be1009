package bus

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
)

// ErrFull is the error of a bus in memory that cannot take another message.
var ErrFull = errors.New("the message queue is full")

// errGone is the error of settling a message after its receiver ended.
var errGone = errors.New("the message went back to the queue")

// Memory is a bus with one queue, which gets every message. It is a Publisher
// and a Queue, and forgets everything with the process.
type Memory struct {
	capacity int
	wake     chan struct{} // holds a token while a receiver should look

	mu      sync.Mutex
	waiting []*Message
	out     int // handed out and not settled
}

// NewMemory returns a bus that holds so many messages, those that were handed
// out and are not settled among them.
func NewMemory(capacity int) *Memory {
	return &Memory{capacity: capacity, wake: make(chan struct{}, 1)}
}

// Publish implements Publisher. It never waits: whatever has no place is
// refused with ErrFull.
func (b *Memory) Publish(_ context.Context, messages ...*Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range messages {
		if len(b.waiting)+b.out >= b.capacity {
			return ErrFull
		}
		b.waiting = append(b.waiting, m)
		b.look()
	}
	return nil
}

// look has a receiver look for messages.
func (b *Memory) look() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Receive implements Queue.
func (b *Memory) Receive(ctx context.Context, out chan<- *Delivery) {
	r := &receiver{bus: b, unsettled: map[*Message]int{}}
	defer r.leave()
	for ctx.Err() == nil {
		d := r.next()
		if d == nil {
			select {
			case <-b.wake:
			case <-ctx.Done():
			}
			continue
		}
		select {
		case out <- d:
		case <-ctx.Done():
		}
	}
}

// A receiver is one call of Receive.
type receiver struct {
	bus       *Memory
	handed    int              // out so far
	unsettled map[*Message]int // by when they were handed out
}

// next takes the first message that waits; nil if there is none.
func (r *receiver) next() *Delivery {
	b := r.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		return nil
	}
	m := b.waiting[0]
	b.waiting = b.waiting[1:]
	b.out++
	if len(b.waiting) > 0 {
		b.look() // others may receive too
	}
	r.handed++
	r.unsettled[m] = r.handed
	return &Delivery{Message: m, Settle: func(again bool) error { return r.settle(m, again) }}
}

func (r *receiver) settle(m *Message, again bool) error {
	b := r.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.unsettled[m] == 0 {
		return errGone
	}
	delete(r.unsettled, m)
	b.out--
	if again {
		b.giveBack(m)
	}
	return nil
}

// giveBack puts messages where they came from, marked. Whoever was handed one
// may still look at it, so copies go back.
func (b *Memory) giveBack(messages ...*Message) {
	for i, m := range messages {
		again := *m
		again.Redelivered = true
		messages[i] = &again
	}
	b.waiting = append(messages, b.waiting...)
	b.look()
}

// leave gives back what is not settled.
func (r *receiver) leave() {
	b := r.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	left := slices.SortedFunc(maps.Keys(r.unsettled), func(x, y *Message) int { return r.unsettled[x] - r.unsettled[y] })
	clear(r.unsettled)
	b.out -= len(left)
	b.giveBack(left...)
}
