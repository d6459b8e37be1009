// Package amqp is package bus on an AMQP 0-9-1 broker such as RabbitMQ, used as
// fedora-messaging uses it: one topic exchange; durable named queues bound to
// topics; headers with the severity and schema of a message and the time it was
// sent; persistent messages.
//
// Queue and Publisher each have one connection. When it is lost they make a new
// one, again and again. Deliveries that were not acknowledged then come again, and
// publications that were not confirmed are errors. The client library could
// reconnect too. That is switched off, because a delivery must be settled on the
// connection that brought it.
//
// The package decides nothing about messages and does not read their bodies.
package amqp
