package amqp

import (
	"context"
	"errors"
	"fmt"

	"github.com/rabbitmq/amqp091-go"

	"github.com/koschei-ci/koschei/internal/bus"
)

// A Queue is a durable queue of a broker, a bus.Queue. Several may be for one
// queue, in several processes: each message goes to one of them.
type Queue struct {
	Config
	Queue    string   // its name
	Topics   []string // that it is bound to
	Passive  bool     // the queue and its bindings are somebody else's to make
	Prefetch int      // messages that may be handed out and not settled
}

// Probe connects once, changes nothing, and returns whether the queue is there,
// or what would keep Receive from working.
func (q *Queue) Probe(ctx context.Context) (exists bool, err error) {
	conn, err := q.connect(ctx)
	if err != nil {
		return false, err
	}
	defer hangUp(conn)
	ch, err := conn.Channel()
	if err == nil {
		err = ch.ExchangeDeclarePassive(q.Exchange, amqp091.ExchangeTopic, true, false, false, false, nil)
	}
	if err != nil {
		return false, fmt.Errorf("exchange %s: %w", q.Exchange, q.explain(err))
	}
	_, err = ch.QueueDeclarePassive(q.Queue, true, false, false, false, nil)
	var said *amqp091.Error
	if errors.As(err, &said) && said.Code == amqp091.NotFound && !q.Passive {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("queue %s: %w", q.Queue, q.explain(err))
	}
	return true, nil
}

// Receive implements bus.Queue.
func (q *Queue) Receive(ctx context.Context, out chan<- *bus.Delivery) {
	q.again(ctx, func(ctx context.Context) error { return q.receive(ctx, out) })
}

// receive hands out what one connection brings, until it is lost or ctx ends.
func (q *Queue) receive(ctx context.Context, out chan<- *bus.Delivery) error {
	conn, err := q.connect(ctx)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	ch, err := q.open(conn)
	if err != nil {
		return err
	}
	// Buffered, so that the library never waits for us.
	lost := ch.NotifyClose(make(chan *amqp091.Error, 1))
	deliveries, err := ch.Consume(q.Queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consuming queue %s: %w", q.Queue, q.explain(err))
	}
	q.connected(true)
	defer q.connected(false)
	q.Log.InfoContext(ctx, "consuming the message bus", "queue", q.Queue)
	for {
		var d amqp091.Delivery
		var ok bool
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok = <-deliveries:
		}
		if !ok {
			return q.lossOf(lost)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-lost: // then the broker hands it out again
			return q.loss(err)
		case out <- delivery(&d):
		}
	}
}

// lossOf says why there are no more deliveries.
func (q *Queue) lossOf(lost <-chan *amqp091.Error) error {
	select {
	case err := <-lost:
		return q.loss(err)
	default:
		return fmt.Errorf("the broker ended the consumption of queue %s: was it deleted?", q.Queue)
	}
}

func (q *Queue) loss(err *amqp091.Error) error {
	if err == nil {
		return errors.New("the connection was closed")
	}
	return q.explain(err)
}

// open returns a channel on which the queue is there.
func (q *Queue) open(conn *amqp091.Connection) (*amqp091.Channel, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, q.explain(err)
	}
	if err := ch.Qos(q.Prefetch, 0, false); err != nil {
		return nil, q.explain(err)
	}
	if q.Passive {
		if _, err := ch.QueueDeclarePassive(q.Queue, true, false, false, false, nil); err != nil {
			return nil, fmt.Errorf("queue %s: %w", q.Queue, q.explain(err))
		}
		return ch, nil
	}
	if _, err := ch.QueueDeclare(q.Queue, true, false, false, false, nil); err != nil {
		return nil, fmt.Errorf("declaring queue %s: %w", q.Queue, q.explain(err))
	}
	for _, topic := range q.Topics {
		if err := ch.QueueBind(q.Queue, topic, q.Exchange, false, nil); err != nil {
			return nil, fmt.Errorf("binding queue %s to %s of exchange %s: %w", q.Queue, topic, q.Exchange, q.explain(err))
		}
	}
	return ch, nil
}

func delivery(d *amqp091.Delivery) *bus.Delivery {
	tag, from := d.DeliveryTag, d.Acknowledger
	return &bus.Delivery{
		Message: messageOf(d),
		Settle: func(again bool) error {
			if again {
				return from.Nack(tag, false, true)
			}
			return from.Ack(tag, false)
		},
	}
}
