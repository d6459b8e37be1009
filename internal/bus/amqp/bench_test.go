package amqp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/bus/amqp/brokertest"
)

// BenchmarkBroker publishes messages of a usual size, confirmed by the broker
// in hundreds, and then receives and settles them one by one, over TLS.
func BenchmarkBroker(b *testing.B) {
	const messages = 20_000
	broker := brokertest.Start(b)
	c := config(b, broker)
	q := declare(b, &amqp.Queue{Config: c, Queue: "bench", Topics: []string{topic}, Prefetch: 1000})
	p := &amqp.Publisher{Config: c}
	b.Cleanup(p.Close)
	body := make([]byte, 2000)
	for b.Loop() {
		began := time.Now()
		for n := 0; n < messages; n += 100 {
			var batch []*bus.Message
			for i := range 100 {
				batch = append(batch, &bus.Message{ID: fmt.Sprint(n + i), Topic: topic, Body: body})
			}
			if err := p.Publish(b.Context(), batch...); err != nil {
				b.Fatal(err)
			}
		}
		published := time.Now()
		r := receive(b, q)
		seen := map[string]bool{}
		for len(seen) < messages {
			d := r.next()
			seen[d.Message.ID] = true
			r.settle(d, false)
		}
		b.ReportMetric(messages/published.Sub(began).Seconds(), "published/s")
		b.ReportMetric(messages/time.Since(published).Seconds(), "received/s")
		r.end()
	}
}
