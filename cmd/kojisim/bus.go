package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"time"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
)

// busOptions say where messages go, and how unreliably.
type busOptions struct {
	broker      amqp.Config
	ca          string
	certificate string
	key         string
	prefix      string
	faults      kojihub.MessageFaults
}

func (o *busOptions) register(f *flag.FlagSet) {
	f.StringVar(&o.broker.URL, "amqp", "", "amqp:// or amqps:// address of a broker to publish messages at; nowhere if empty")
	f.StringVar(&o.ca, "amqp-ca", "", "PEM file with the broker's certificate authorities")
	f.StringVar(&o.certificate, "amqp-cert", "", "PEM file with the certificate to log in with at the broker")
	f.StringVar(&o.key, "amqp-key", "", "PEM file with the certificate's key")
	f.StringVar(&o.broker.Exchange, "amqp-exchange", amqp.DefaultExchange, "topic exchange to publish at")
	f.StringVar(&o.prefix, "topic-prefix", "org.fedoraproject.prod", "what topics begin with, before .buildsys")
	f.Float64Var(&o.faults.Lose, "lose", 0, "probability that a message is lost")
	f.Float64Var(&o.faults.Repeat, "repeat", 0, "probability that a message is sent twice")
	f.Float64Var(&o.faults.Reorder, "reorder", 0, "probability that a message comes after the next one")
}

func (o *busOptions) check() error {
	if o.broker.URL == "" {
		return nil
	}
	for _, p := range []struct {
		name  string
		value float64
	}{{"lose", o.faults.Lose}, {"repeat", o.faults.Repeat}, {"reorder", o.faults.Reorder}} {
		if !(p.value >= 0 && p.value <= 1) { // NaN is neither
			return fmt.Errorf("-%s %v: a probability is from 0 to 1", p.name, p.value)
		}
	}
	if o.prefix == "" {
		return errors.New("-topic-prefix is empty")
	}
	if err := o.broker.LoadFiles(o.ca, o.certificate, o.key); err != nil {
		return fmt.Errorf("-amqp: %w", err)
	}
	if err := o.broker.Check(); err != nil {
		return fmt.Errorf("-amqp: %w", err)
	}
	return nil
}

// unsent is how many messages may wait for the broker; what is beyond is lost.
const unsent = 100_000

// publish has the hub's messages published and returns what does it until
// ctx ends; nil if they go nowhere.
func (o *busOptions) publish(ctx context.Context, hub *kojihub.Hub, log *slog.Logger) func() error {
	if o.broker.URL == "" {
		return nil
	}
	o.broker.Name, o.broker.Log = "kojisim", log
	mail := bus.NewMemory(unsent)
	hub.SetMessageFaults(o.faults)
	hub.Subscribe(func(m kojihub.Message) {
		if err := mail.Publish(ctx, m.OnBus(o.prefix)); err != nil {
			log.WarnContext(ctx, "message lost", "message", m.ID, "error", err)
		}
	})
	sender := bus.Consumer{
		Queue: mail, Log: log, Most: 100, Gather: 20 * time.Millisecond, FirstDelay: 200 * time.Millisecond, LastDelay: 10 * time.Second,
	}
	return func() error {
		p := &amqp.Publisher{Config: o.broker}
		defer p.Close()
		sender.Run(ctx, func(ctx context.Context, batch []*bus.Message) (again []*bus.Message) {
			if err := p.Publish(ctx, batch...); err != nil {
				log.WarnContext(ctx, "messages not published, trying again", "messages", len(batch), "error", err)
				return batch
			}
			return nil
		})
		return nil
	}
}
