package loop

import (
	"context"
	"slices"
	"time"
)

// A Crew does what a pass has to do in many places, such as collections or repos:
// in several at a time, so that one where it takes long keeps no other waiting.
// The zero Crew is not usable; set AtOnce. It is used by one goroutine.
type Crew[K comparable] struct {
	AtOnce int
	// Pace is the real time after which it is looked again what there is to do,
	// while a pass is under way; 0: only the next pass does.
	Pace time.Duration

	busy map[K]bool
	last K // that was begun last
}

// An Errand is what there is to do in one place.
type Errand[K comparable] struct {
	Key K
	// Wanted says whether it is to be done still, when it is its turn; nil is yes.
	Wanted func() bool
	// Do does it, beside others.
	Do func(context.Context)
	// End is called when it is done, by the goroutine of the pass; nil if there is
	// nothing to do then.
	End func()
}

// Pass does what list returns, each once, in that order. Until all of it is done
// it looks again and again whether there is more to do where nobody is busy. Then
// all have their turn: it begins with those that come behind the one it began
// last.
func (c *Crew[K]) Pass(ctx context.Context, list func(context.Context) ([]Errand[K], error)) error {
	p := &crewPass[K]{Crew: c, ended: make(chan crewEnd[K])}
	if c.busy == nil {
		c.busy = map[K]bool{}
	}
	errands, err := list(ctx)
	for i := range errands {
		for p.running >= c.AtOnce {
			p.end(<-p.ended)
		}
		p.begin(ctx, &errands[i], true)
	}
	for p.running > 0 {
		select {
		case e := <-p.ended:
			p.end(e)
		case <-p.again():
			if errands, err = list(ctx); err == nil {
				p.more(ctx, errands)
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// A crewPass is a pass under way.
type crewPass[K comparable] struct {
	*Crew[K]
	ended   chan crewEnd[K]
	running int // errands
	first   int // of these, from the list that the pass began with
}

type crewEnd[K comparable] struct {
	errand *Errand[K]
	first  bool
}

func (p *crewPass[K]) begin(ctx context.Context, e *Errand[K], first bool) {
	if p.busy[e.Key] || ctx.Err() != nil || e.Wanted != nil && !e.Wanted() {
		return
	}
	p.busy[e.Key], p.last = true, e.Key
	p.running++
	if first {
		p.first++
	}
	go func() {
		e.Do(ctx)
		p.ended <- crewEnd[K]{e, first}
	}()
}

func (p *crewPass[K]) end(e crewEnd[K]) {
	delete(p.busy, e.errand.Key)
	p.running--
	if e.first {
		p.first--
	}
	if e.errand.End != nil {
		e.errand.End()
	}
}

// more begins errands where there is room, those first that come behind the one
// that was begun last.
func (p *crewPass[K]) more(ctx context.Context, errands []Errand[K]) {
	next := 1 + slices.IndexFunc(errands, func(e Errand[K]) bool { return e.Key == p.last })
	for i := range errands {
		if p.running < p.AtOnce {
			p.begin(ctx, &errands[(next+i)%len(errands)], false)
		}
	}
}

// again tells when to look again. A pass ends when it is done with what it began
// with.
func (p *crewPass[K]) again() <-chan time.Time {
	if p.first == 0 || p.Pace == 0 {
		return nil
	}
	return time.After(p.Pace)
}
