package loop

import (
	"context"
	"sync"
)

// Places bound how many do heavy work at once. Who only waits for something
// outside, such as a file or an answer of a hub, does that Aside and keeps no
// place from others meanwhile: one server that is slow, or hostile, stops only
// those who need it.
type Places struct{ free chan struct{} }

// NewPlaces returns n places.
func NewPlaces(n int) *Places {
	p := &Places{make(chan struct{}, n)}
	for range n {
		p.free <- struct{}{}
	}
	return p
}

type placeKey struct{}

// A place is what somebody works in.
type place struct {
	of *Places

	mu    sync.Mutex
	aside int  // who waits for something outside; one piece of work may do so several times at once
	lost  bool // ctx ended before the place was had again
}

// Work runs work in a place, when one is free.
func (p *Places) Work(ctx context.Context, work func(context.Context) error) error {
	select {
	case <-p.free:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	in := &place{of: p}
	defer func() {
		if !in.lost {
			p.free <- struct{}{}
		}
	}()
	return work(context.WithValue(ctx, placeKey{}, in))
}

// Aside runs wait, which waits for something outside, and gives away the place
// meanwhile that ctx works in, if any. It is had again when Aside returns, or
// else ctx has ended.
func Aside(ctx context.Context, wait func() error) error {
	in, ok := ctx.Value(placeKey{}).(*place)
	if !ok {
		return wait()
	}
	in.leave()
	defer in.back(ctx)
	return wait()
}

func (in *place) leave() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.aside++; in.aside == 1 && !in.lost {
		in.of.free <- struct{}{}
	}
}

func (in *place) back(ctx context.Context) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.aside--; in.aside > 0 || in.lost {
		return
	}
	select {
	case <-in.of.free:
	case <-ctx.Done():
		in.lost = true
	}
}
