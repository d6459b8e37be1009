package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/watcher"
)

// newQueue returns the configured queue, nil if there is none. It does not
// contact the broker.
func newQueue(c config, log *slog.Logger) (bus.Queue, error) {
	if !c.hasQueue() {
		return nil, nil //nolint:nilnil // there may be no bus
	}
	return c.Bus.queue(log)
}

// hasQueue says whether messages are received. A bus may be there only to publish.
func (c config) hasQueue() bool {
	return c.Bus.URL != "" && (c.Bus.Queue != "" || !c.Notifier.Bus.Publish)
}

func (c busConfig) queue(log *slog.Logger) (*amqp.Queue, error) {
	q := &amqp.Queue{
		Config: amqp.Config{URL: c.URL, Exchange: c.Exchange, Log: log, Name: "koschei watcher"},
		Queue:  c.Queue, Passive: c.PassiveQueue, Topics: c.watched().Topics(), Prefetch: c.Prefetch,
	}
	if err := q.LoadFiles(c.CA, c.Certificate, c.Key); err != nil {
		return nil, err
	}
	switch {
	case c.Queue == "":
		return nil, errors.New("queue: it needs a name, the same for all replicas and for no other consumer")
	case c.Exchange == "":
		return nil, errors.New("exchange: it needs a name, such as " + amqp.DefaultExchange)
	case c.TopicPrefix == "":
		return nil, errors.New("topic_prefix: it is empty")
	case c.Prefetch < 1 || c.Prefetch > 65535:
		return nil, fmt.Errorf("prefetch: %d is not from 1 to 65535", c.Prefetch)
	}
	return q, q.Check()
}

func (c busConfig) watched() watcher.Config {
	return watcher.Config{TopicPrefix: c.TopicPrefix, Instance: c.Instance}
}

const (
	// gatherTime is how long the first of some messages waits for the others,
	// in domain time: hubs tag many builds one after the other.
	gatherTime = time.Second

	// Messages that cannot be handled are tried again after this domain time,
	// later if nothing else can be handled either.
	firstDelay = 5 * time.Second
	lastDelay  = time.Minute

	// pollsBeforeGivingUp is after how many intervals of polling a message that
	// cannot be handled is not worth another try.
	pollsBeforeGivingUp = 3
)

// shortestWait keeps a bus from being asked all the time, however fast domain
// time runs.
const shortestWait = 50 * time.Millisecond

// watcher returns the service. There must be a bus.
func (p *process) watcher(w wiring) runner {
	c := p.config
	config := c.Bus.watched()
	config.GiveUp = pollsBeforeGivingUp * c.Polling.Interval
	metrics := watcher.NewMetrics(w.registry)
	if q, far := p.bus.(*amqp.Queue); far {
		q.Connected = metrics.Connected
	} else {
		metrics.Connected(true)
	}
	wait := func(domain time.Duration) time.Duration { return max(p.clock.Real(domain), shortestWait) }
	s := &watcher.Service{
		DB: p.db.Record, Sync: p.sync(w.log), Log: w.log, Metrics: metrics, Config: config,
		Consumer: &bus.Consumer{
			Queue: p.bus, Log: w.log, Most: c.Bus.Prefetch,
			Gather: wait(gatherTime), FirstDelay: wait(firstDelay), LastDelay: wait(lastDelay),
		},
	}
	return listening(s.Run)
}

// listening is a runner that has no passes: messages make it work.
type listening func(context.Context)

func (run listening) Run(ctx context.Context, _ *loop.Loop) { run(ctx) }

// checkBus looks at the broker.
func (r *checkReport) checkBus(ctx context.Context, c config) error {
	if !c.hasQueue() {
		return nil
	}
	q, err := c.Bus.queue(slog.New(slog.DiscardHandler))
	if err != nil {
		return badInput(fmt.Errorf("configuration, section bus: %w", err))
	}
	exists, err := q.Probe(ctx)
	if err != nil {
		return missing(err)
	}
	if exists {
		r.fine("message bus: connected, queue %s is there", c.Bus.Queue)
	} else {
		r.fine("message bus: connected, queue %s will be made by the watcher", c.Bus.Queue)
	}
	return nil
}
