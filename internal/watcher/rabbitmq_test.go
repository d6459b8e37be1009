package watcher_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/bus/amqp/brokertest"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/watcher"
)

// TestRabbitMQ lets a hub live whose messages go through a real broker, with
// TLS and certificates, to two watchers. Connections are closed and the broker
// is killed while messages flow. In the end everything is recorded, without a
// poll.
func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	f, polled := newLiving(t)
	w := &wire{f: f, settled: map[string]bool{}, config: amqp.Config{
		URL: b.URL(), Authorities: b.Pool(), Certificate: b.Client(brokertest.User), Exchange: amqp.DefaultExchange,
		Name: t.Name(), Log: slog.New(slog.NewTextHandler(t.Output(), nil)), LongestWait: time.Second,
	}}
	w.start()
	live(f, polled, 20, func(step int) {
		switch step {
		case 4, 8:
			b.CloseConnections()
		case 12:
			b.Kill()
			b.StartAgain()
		}
		w.wait()
	})
	if diff := cmp.Diff(record(polled.World), record(f.World)); diff != "" {
		t.Errorf("recorded by polling and by watching (-polled +watched):\n%s", diff)
	}
	t.Logf("%d messages sent, %d handled, %d came marked as redelivered", len(w.sent), len(w.settled), w.redelivered)
	if len(w.sent) < 100 {
		t.Error("too little was said")
	}
}

// A wire is a broker with a publisher at one end and two watchers at the other.
type wire struct {
	f      *fixture
	config amqp.Config

	mu          sync.Mutex
	sent        []string // ids of the messages that the watchers' queue is bound to
	settled     map[string]bool
	redelivered int
}

// start lets everything run until the test ends.
func (w *wire) start() {
	t := w.f.T
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var parts sync.WaitGroup
	t.Cleanup(func() {
		stop()
		parts.Wait()
	})
	made := make(chan bool, 100)
	for range 2 {
		config := w.config
		config.Connected = func(is bool) { made <- is }
		s := *w.f.Service
		s.Metrics = watcher.NewMetrics(prometheus.NewRegistry())
		s.Consumer = consumerOf(&witness{wire: w, queue: &amqp.Queue{
			Config: config, Queue: "koschei", Topics: s.Topics(), Prefetch: 20,
		}}, s.Log)
		parts.Go(func() { s.Run(ctx) })
	}
	select {
	case <-made:
	case <-time.After(time.Minute):
		t.Fatal("no watcher is connected")
	}
	mail := bus.NewMemory(10_000)
	w.f.Hub.Subscribe(func(m kojihub.Message) { w.say(ctx, mail, m.OnBus(prefix)) })
	p := &amqp.Publisher{Config: w.config}
	parts.Go(func() {
		defer p.Close()
		consumerOf(mail, w.config.Log).Run(ctx, func(ctx context.Context, batch []*bus.Message) []*bus.Message {
			if p.Publish(ctx, batch...) != nil {
				return batch
			}
			return nil
		})
	})
}

func consumerOf(q bus.Queue, log *slog.Logger) *bus.Consumer {
	return &bus.Consumer{
		Queue: q, Log: log, Most: 20, Gather: 5 * time.Millisecond, FirstDelay: 50 * time.Millisecond, LastDelay: time.Second,
	}
}

func (w *wire) say(ctx context.Context, mail *bus.Memory, m *bus.Message) {
	if err := mail.Publish(ctx, m); err != nil {
		w.f.T.Error(err)
	}
	if slices.Contains(w.f.Topics(), m.Topic) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.sent = append(w.sent, m.ID)
	}
}

// wait waits until the watchers are done with all that was sent.
func (w *wire) wait() {
	w.f.T.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(2 * time.Minute); ; {
		w.mu.Lock()
		missing := slices.DeleteFunc(slices.Clone(w.sent), func(id string) bool { return w.settled[id] })
		w.mu.Unlock()
		if len(missing) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			w.f.T.Fatalf("%d messages were lost, the first is %s", len(missing), missing[0])
		}
	}
}

// A witness notes what a queue hands out and is told.
type witness struct {
	wire  *wire
	queue bus.Queue
}

// Receive implements bus.Queue.
func (w *witness) Receive(ctx context.Context, out chan<- *bus.Delivery) {
	in := make(chan *bus.Delivery)
	var receiving sync.WaitGroup
	defer receiving.Wait()
	receiving.Go(func() { w.queue.Receive(ctx, in) })
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-in:
			select {
			case <-ctx.Done():
				return
			case out <- w.seen(d):
			}
		}
	}
}

func (w *witness) seen(d *bus.Delivery) *bus.Delivery {
	w.wire.mu.Lock()
	defer w.wire.mu.Unlock()
	if d.Message.Redelivered {
		w.wire.redelivered++
	}
	return &bus.Delivery{Message: d.Message, Settle: func(again bool) error {
		err := d.Settle(again)
		w.wire.mu.Lock()
		defer w.wire.mu.Unlock()
		if err == nil && !again {
			w.wire.settled[d.Message.ID] = true
		}
		return err
	}}
}
