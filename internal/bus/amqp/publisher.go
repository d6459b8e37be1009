package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/rabbitmq/amqp091-go"

	"github.com/koschei-ci/koschei/internal/bus"
)

// A Publisher sends messages to a broker's exchange, a bus.Publisher. It
// connects when there is something to send. It may be used by several
// goroutines; one publishes at a time.
type Publisher struct {
	Config

	mu   sync.Mutex
	conn *amqp091.Connection // nil until there is one
	ch   *amqp091.Channel
}

// Publish implements bus.Publisher: it returns nil when the broker has
// confirmed every message. It tries once; the connection is made anew after an
// error.
func (p *Publisher) Publish(ctx context.Context, messages ...*bus.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.publish(ctx, messages)
	if err != nil {
		p.hangUp()
	}
	return err
}

// Close ends the connection.
func (p *Publisher) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangUp()
}

func (p *Publisher) hangUp() {
	if p.conn != nil {
		hangUp(p.conn)
		p.conn, p.ch = nil, nil
		p.connected(false)
	}
}

// publish sends all messages and then waits for what the broker says to each.
func (p *Publisher) publish(ctx context.Context, messages []*bus.Message) error {
	if err := p.open(ctx); err != nil {
		return err
	}
	answers := make([]*amqp091.DeferredConfirmation, len(messages))
	for i, m := range messages {
		var err error
		answers[i], err = p.ch.PublishWithDeferredConfirm(p.Exchange, m.Topic, false, false, publishing(m))
		if err != nil {
			return fmt.Errorf("publishing message %s: %w", m.ID, p.explain(err))
		}
	}
	for i, answer := range answers {
		confirmed, err := answer.WaitContext(ctx)
		if err != nil {
			return fmt.Errorf("publishing message %s: %w", messages[i].ID, err)
		}
		if !confirmed {
			return fmt.Errorf("publishing message %s: %w", messages[i].ID, errUnconfirmed)
		}
	}
	return nil
}

var errUnconfirmed = errors.New("the broker did not take it, or was lost before it said so")

// open makes sure that there is a connection, and the exchange at its other
// end.
func (p *Publisher) open(ctx context.Context) error {
	if p.conn != nil && !p.ch.IsClosed() {
		return nil
	}
	p.hangUp()
	conn, err := p.connect(ctx)
	if err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err == nil {
		err = ch.ExchangeDeclarePassive(p.Exchange, amqp091.ExchangeTopic, true, false, false, false, nil)
	}
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		hangUp(conn)
		return fmt.Errorf("exchange %s: %w", p.Exchange, p.explain(err))
	}
	p.conn, p.ch = conn, ch
	p.connected(true)
	return nil
}
