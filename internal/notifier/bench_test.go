package notifier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/bus/amqp/brokertest"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// A timed publisher notes when the messages about packages are confirmed.
type timed struct {
	bus.Publisher

	mu   sync.Mutex
	at   map[string]time.Time // by package
	more chan struct{}        // one for each
}

func (p *timed) Publish(ctx context.Context, messages ...*bus.Message) error {
	if err := p.Publisher.Publish(ctx, messages...); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range messages {
		var body struct{ Name string }
		if err := json.Unmarshal(m.Body, &body); err != nil {
			return err
		}
		p.at[body.Name] = time.Now()
		p.more <- struct{}{}
	}
	return nil
}

// BenchmarkTold commits 50 events in a second and measures how long each takes until a
// real broker has confirmed the message that tells it. The notifier is woken as it is
// in a process of its own.
func BenchmarkTold(b *testing.B) {
	const events, perSecond = 1500, 50
	broker := brokertest.Start(b)
	w := pgtest.NewWorld(b)
	w.Collection("f44")
	for i := range events {
		w.Package("f44", fmt.Sprint("p", i))
	}
	w.NoteStates()
	db := w.Open()
	log := slog.New(slog.DiscardHandler)
	far := &amqp.Publisher{Config: amqp.Config{URL: broker.PlainURL(), Exchange: amqp.DefaultExchange, Log: log, Name: "bench"}}
	b.Cleanup(far.Close)
	for b.Loop() {
		publisher := &timed{Publisher: far, at: map[string]time.Time{}, more: make(chan struct{}, events)}
		service := &notifier.Service{
			DB: db.Deliveries, Sinks: []notifier.Sink{busOn(publisher)}, Clock: noonClock(), Log: log, Metrics: notifier.NewMetrics(prometheus.NewRegistry()),
		}
		service.Run(b.Context(), &loop.Loop{Name: "notifier", Passes: 1, Log: log}) // the sink is there
		ctx, stop := context.WithCancel(b.Context())
		listener := db.PG.NewListener(koschei.ServiceNotifier)
		var running sync.WaitGroup
		running.Go(func() { listener.Run(ctx, func(error) {}) })
		running.Go(func() {
			service.Run(ctx, &loop.Loop{Name: "notifier", Interval: 15 * time.Second, Wake: listener.Alarm(koschei.ServiceNotifier).Bell(), Log: log})
		})
		committed := map[string]time.Time{}
		tick := time.NewTicker(time.Second / perSecond)
		for i := range events {
			<-tick.C
			name := fmt.Sprint("p", i)
			w.Event(&koschei.Event{At: noon, Kind: koschei.EventPackageState, Collection: "f44", Package: name, Before: "ok", After: "failing"})
			committed[name] = time.Now()
		}
		tick.Stop()
		for range events {
			<-publisher.more
		}
		stop()
		running.Wait()
		var took []time.Duration
		for name, at := range committed {
			took = append(took, publisher.at[name].Sub(at))
		}
		slices.Sort(took)
		b.ReportMetric(took[events/2].Seconds()*1000, "p50-ms")
		b.ReportMetric(took[events*99/100].Seconds()*1000, "p99-ms")
		b.ReportMetric(took[events-1].Seconds()*1000, "max-ms")
	}
}
