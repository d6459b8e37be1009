package chaos

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/bus/amqp/brokertest"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
)

const topicPrefix = "org.fedoraproject.prod"

// startBus starts a RabbitMQ. Messages handed to post go there as long as the
// test runs. It must come before the test's other cleanups: what does not end
// without the broker ends first.
func (s *stage) startBus() (post func(kojihub.Message)) {
	s.broker = brokertest.Start(s.t)
	mail := bus.NewMemory(100_000)
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.publish(ctx, mail)
	}()
	s.t.Cleanup(func() {
		stop()
		<-ended
	})
	return func(m kojihub.Message) {
		if mail.Publish(ctx, m.OnBus(topicPrefix)) != nil {
			s.counts.add("messages: lost for want of room", 1)
		}
	}
}

// publish hands the hub's messages to the broker until ctx ends.
func (s *stage) publish(ctx context.Context, mail bus.Queue) {
	log := slog.New(slog.DiscardHandler)
	p := &amqp.Publisher{Config: amqp.Config{
		URL: s.broker.PlainURL(), Exchange: amqp.DefaultExchange, Name: "hub", Log: log, LongestWait: time.Second,
	}}
	defer p.Close()
	sender := bus.Consumer{
		Queue: mail, Log: log, Most: 100, Gather: 20 * time.Millisecond, FirstDelay: 200 * time.Millisecond, LastDelay: time.Second,
	}
	sender.Run(ctx, func(ctx context.Context, batch []*bus.Message) (again []*bus.Message) {
		if p.Publish(ctx, batch...) != nil {
			return batch
		}
		s.counts.add("messages: published", len(batch))
		return nil
	})
}

// busOutages has messages lost, doubled and late all the time, and the broker
// killed or its connections closed now and then.
func (s *stage) busOutages(ctx context.Context, luck *rand.Rand) {
	s.hub.SetMessageFaults(kojihub.MessageFaults{Lose: 0.2, Repeat: 0.2, Reorder: 0.2})
	defer s.hub.SetMessageFaults(kojihub.MessageFaults{})
	for pause(ctx, after(luck, s.plan.busEvery)) {
		if luck.IntN(2) == 0 {
			s.counts.add("message bus: killed", 1)
			s.broker.Kill()
			pause(ctx, after(luck, time.Second))
			s.broker.StartAgain()
		} else {
			s.counts.add("message bus: connections closed", 1)
			s.broker.CloseConnections()
		}
	}
}
