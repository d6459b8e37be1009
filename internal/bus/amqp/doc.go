// Package amqp is package bus on an AMQP 0-9-1 broker such as RabbitMQ, in the
// dialect of fedora-messaging: one topic exchange, durable named queues that are
// bound to topics, headers with the severity and the schema of a message and
// with the time it was sent, persistent messages.
//
// Queue and Publisher each keep one connection and make a new one, for ever,
// when it is lost. What a broker may lose then it says itself: deliveries that
// were not acknowledged come again, publications that were not confirmed are
// errors. The client library could reconnect too; it is not let to, because
// whoever holds a delivery must know over which connection it came.
//
// The package decides nothing about messages and reads no bodies.
package amqp
