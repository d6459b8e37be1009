package scenario_test

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/watcher"
)

// prefix is what the topics of the hub's bus begin with.
const prefix = "org.example.test"

// A listener is a watcher that hears what was said since it listened last.
type listener struct {
	*watcher.Service
	hub *koji.Client

	mu   sync.Mutex
	mail []*bus.Message
}

func newListener(hub *kojihub.Hub, s *kojisync.Sync, log *slog.Logger) *listener {
	l := &listener{hub: s.Primary, Service: &watcher.Service{
		DB: s.DB, Sync: s, Log: log, Metrics: watcher.NewMetrics(prometheus.NewRegistry()),
		Config: watcher.Config{TopicPrefix: prefix, Instance: "primary", GiveUp: time.Hour},
	}}
	hub.Subscribe(func(m kojihub.Message) { l.hear(m.OnBus(prefix)) })
	return l
}

func (l *listener) hear(m *bus.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mail = append(l.mail, m)
}

// Run watches until every message was looked at once.
func (l *listener) Run(ctx context.Context, at *loop.Loop) {
	at.Run(ctx, func(ctx context.Context) error {
		// The hub says what has happened meanwhile when it is asked anything.
		if _, err := l.hub.LastEvent(ctx); err != nil {
			return err
		}
		l.mu.Lock()
		heard := l.mail
		l.mail = nil
		l.mu.Unlock()
		if len(heard) == 0 {
			return nil
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		l.Consumer = &bus.Consumer{
			Queue: &mailbag{messages: heard, empty: stop, again: l.hear}, Log: l.Log,
			Most: len(heard), Gather: time.Second, FirstDelay: time.Millisecond, LastDelay: time.Millisecond,
		}
		l.Service.Run(ctx)
		return nil
	})
}

// A mailbag is a queue that hands its messages out once.
type mailbag struct {
	messages []*bus.Message
	empty    func()               // called when all are settled
	again    func(m *bus.Message) // takes what is to come again
}

// Receive implements bus.Queue.
func (b *mailbag) Receive(ctx context.Context, out chan<- *bus.Delivery) {
	var settled sync.WaitGroup
	settled.Add(len(b.messages))
	for _, m := range b.messages {
		d := &bus.Delivery{Message: m, Settle: func(again bool) error {
			defer settled.Done()
			if again {
				b.again(m)
			}
			return nil
		}}
		select {
		case out <- d:
		case <-ctx.Done():
			return
		}
	}
	settled.Wait()
	b.empty()
}
