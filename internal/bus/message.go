package bus

import (
	"context"
	"time"
)

// A Message is one thing that somebody says on a bus.
type Message struct {
	ID      string // given by the sender; unique unless it is sent twice
	Topic   string // what it is about, in words joined by dots; a broker's routing key
	Headers map[string]any
	Body    []byte    // JSON, if the sender is right in the head
	Sent    time.Time // by the sender's clock; zero if it does not say

	Redelivered bool // it may have been handed out before
}

// A Publisher sends messages.
type Publisher interface {
	// Publish returns nil when all messages are safe with the bus. After an
	// error some may be as well: to publish all again doubles those.
	Publish(ctx context.Context, messages ...*Message) error
}

// A Queue keeps messages for its receivers.
type Queue interface {
	// Receive hands out messages until ctx ends, and comes back by itself from
	// whatever befalls it before.
	Receive(ctx context.Context, out chan<- *Delivery)
}

// A Delivery is a message that was handed out and is not settled.
type Delivery struct {
	Message *Message

	// Settle says that the message is done or, if again is true, has it handed
	// out again at once. It is called at most once. An error means that the
	// queue has not heard it and the message comes again.
	Settle func(again bool) error
}
