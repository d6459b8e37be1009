package bus

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// A Handler does what messages ask for and returns those that must come again.
// The others are done: what they led to is committed. When ctx ends it returns
// soon, with what it did not finish.
type Handler func(ctx context.Context, batch []*Message) (again []*Message)

// A Consumer hands the messages of a queue to a handler, in batches, so that
// many messages about one thing can be answered at once. All fields must be
// set.
type Consumer struct {
	Queue  Queue
	Log    *slog.Logger
	Most   int           // messages in a batch; the queue should hand out as many
	Gather time.Duration // how long the first message of a batch waits for others

	// FirstDelay is how long messages that must come again are held after a
	// batch of which none was done, twice as long after the next such batch, up to
	// LastDelay.
	FirstDelay, LastDelay time.Duration
}

// held are messages that must come again, and when.
type held struct {
	deliveries []*Delivery
	due        time.Time
}

// Run calls handle, once at a time, until ctx ends and the last call has
// returned. What was done is settled even then.
func (c *Consumer) Run(ctx context.Context, handle Handler) {
	receiving, stop := context.WithCancel(context.WithoutCancel(ctx))
	in, ended := make(chan *Delivery), make(chan struct{})
	go func() {
		defer close(ended)
		c.Queue.Receive(receiving, in)
	}()
	defer func() {
		stop()
		<-ended
	}()
	var waiting []held // by due
	failures := 0
	for {
		batch := c.next(ctx, in, &waiting)
		if batch == nil {
			return
		}
		again := c.handle(ctx, batch, handle)
		switch {
		case len(again) < len(batch):
			failures = 0
		case failures < 30:
			failures++
		}
		if len(again) > 0 {
			waiting = append(waiting, held{again, time.Now().Add(c.delay(failures))})
			slices.SortStableFunc(waiting, func(x, y held) int { return x.due.Compare(y.due) })
		}
	}
}

func (c *Consumer) delay(failures int) time.Duration {
	d := c.FirstDelay
	for range failures - 1 {
		d = min(2*d, c.LastDelay)
	}
	return d
}

// next returns the next batch, nil when ctx ends. Meanwhile it gives back what
// was held long enough.
func (c *Consumer) next(ctx context.Context, in <-chan *Delivery, waiting *[]held) []*Delivery {
	for ctx.Err() == nil {
		var due <-chan time.Time
		if len(*waiting) > 0 {
			due = time.After(time.Until((*waiting)[0].due))
		}
		select {
		case <-ctx.Done():
		case d := <-in:
			return c.gather(ctx, in, d)
		case <-due:
			c.settle(ctx, (*waiting)[0].deliveries, true)
			*waiting = (*waiting)[1:]
		}
	}
	return nil
}

// gather returns first with those that come soon after it.
func (c *Consumer) gather(ctx context.Context, in <-chan *Delivery, first *Delivery) []*Delivery {
	batch := []*Delivery{first}
	enough := time.NewTimer(c.Gather)
	defer enough.Stop()
	for len(batch) < c.Most {
		select {
		case d := <-in:
			batch = append(batch, d)
			continue
		case <-enough.C:
		case <-ctx.Done():
		}
		break
	}
	return batch
}

// handle settles what the handler has done and returns the rest.
func (c *Consumer) handle(ctx context.Context, batch []*Delivery, handle Handler) (again []*Delivery) {
	messages := make([]*Message, len(batch))
	for i, d := range batch {
		messages[i] = d.Message
	}
	undone := map[*Message]bool{}
	for _, m := range handle(ctx, messages) {
		undone[m] = true
	}
	var done []*Delivery
	for _, d := range batch {
		if undone[d.Message] {
			again = append(again, d)
		} else {
			done = append(done, d)
		}
	}
	c.settle(ctx, done, false)
	return again
}

func (c *Consumer) settle(ctx context.Context, deliveries []*Delivery, again bool) {
	for _, d := range deliveries {
		if err := d.Settle(again); err != nil {
			// The same befalls all that came over the same connection.
			c.Log.DebugContext(ctx, "message not settled, it comes again", "message", d.Message.ID, "error", err)
		}
	}
}
