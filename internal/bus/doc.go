// Package bus is how the program hears of things from a message bus and tells
// them to one. It says what a message is, what a queue and a publisher owe
// their users, hands waiting messages to a handler in batches (Consumer), and
// has a bus in memory. Package amqp is the other implementation, for a broker.
// The watcher consumes; the simulated hub publishes.
//
// # What a queue promises
//
// A message is handed out until it is settled: done, or to come again. One that
// was handed out and not settled when its receiver ended, however it ended, is
// handed out again, to whoever receives then. So a message comes at least once
// if it reached the queue, perhaps more often, and Redelivered is no more than a
// suspicion that it is not the first time.
//
// A queue promises no order: what comes again comes late, and several receivers
// of one queue work side by side. Nor does it promise that every message reaches
// it: the sender may have died before it sent.
//
// # What follows for handlers
//
// A handler has finished with a message only when what it did is committed;
// until it returns, the message is not settled. It must bear to be called with
// the same message twice, at the same time in two processes as well. What
// cannot be read is finished too: to let it come again would block the queue.
//
// # Back-pressure
//
// A receiver holds no more than a bounded number of messages that are not
// settled; the others stay in the queue. A message that is to come again is
// held for a while before it goes back, and counts until then, so that a
// handler in trouble ends up with one batch that it tries now and then, while
// the queue keeps the rest.
//
// The package knows nothing of what messages say.
package bus
