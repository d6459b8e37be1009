// Package bus receives messages from a message bus and publishes them to one. It
// defines a message, what queues and publishers promise, and a Consumer that gives
// waiting messages to a handler in batches. It has a bus in memory; package amqp is
// the implementation for a broker. The watcher consumes, the simulated hub
// publishes.
//
// # What a queue promises
//
// A message is handed out until it is settled. Settling says that it is done, or
// that it must come again. If its receiver ends without settling it, it is handed
// out again, to any receiver. So a message that reached the queue comes at least
// once. Redelivered only says that it may have come before.
//
// A queue promises no order: a message that comes again comes late, and several
// receivers work on one queue at the same time. It does not promise that every
// message reaches it either: the sender may have died before it sent.
//
// # What follows for handlers
//
// A handler has finished with a message when its result is committed. Until it
// returns, the message is not settled. It may be called with the same message
// twice, also at the same time in two processes. A message that cannot be read is
// finished too: if it came again, it would block the queue.
//
// # Back-pressure
//
// A receiver holds a bounded number of messages that are not settled. The others
// stay in the queue. A message that must come again is held for a while before it
// goes back, and counts until then. So a handler in trouble holds one batch that it
// tries again now and then, while the queue keeps the rest.
//
// The package does not know what messages contain.
package bus
