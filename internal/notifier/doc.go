// Package notifier tells others what happened. Each way by which events leave is
// a Sink: a message bus, mail, a web hook. For each sink the service looks
// through the events that are new, writes down who is to be told what, and
// delivers that.
//
// Everything is told at least once: a delivery that was sent and of which that
// could not be written down is sent again, with the same key. What is about one
// package is told in the order in which it happened. A sink that does not
// deliver keeps no other sink waiting. Any number of processes may run the
// service at once.
//
// What happened is decided elsewhere, by the transactions that write events; how
// it is worded for the message bus is in message.go. The package knows no
// subscriptions and asks no hub.
package notifier
