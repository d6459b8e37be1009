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
// goroutines, which wait for the broker at the same time.
type Publisher struct {
	Config

	mu   sync.Mutex
	conn *amqp091.Connection // nil until there is one
	ch   *amqp091.Channel
}

// Publish implements bus.Publisher: it returns nil when the broker has
// confirmed every message. It tries once; the connection is made anew after an
// error, and what others wait for on it fails, too.
func (p *Publisher) Publish(ctx context.Context, messages ...*bus.Message) error {
	conn, answers, err := p.send(ctx, messages)
	if err == nil {
		err = await(ctx, messages, answers)
	}
	if err != nil {
		p.lose(conn)
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

// lose ends a connection, unless there is another one already.
func (p *Publisher) lose(conn *amqp091.Connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if conn == p.conn {
		p.hangUp()
	}
}

// send sends all messages, and returns by which connection and what will say that
// the broker has them.
func (p *Publisher) send(ctx context.Context, messages []*bus.Message) (*amqp091.Connection, []*amqp091.DeferredConfirmation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.open(ctx); err != nil {
		return p.conn, nil, err
	}
	answers := make([]*amqp091.DeferredConfirmation, len(messages))
	for i, m := range messages {
		var err error
		answers[i], err = p.ch.PublishWithDeferredConfirm(p.Exchange, m.Topic, false, false, publishing(m))
		if err != nil {
			return p.conn, nil, fmt.Errorf("publishing message %s: %w", m.ID, p.explain(err))
		}
	}
	return p.conn, answers, nil
}

// await waits for what the broker says to each message.
func await(ctx context.Context, messages []*bus.Message, answers []*amqp091.DeferredConfirmation) error {
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
