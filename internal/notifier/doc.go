// Package notifier tells others what happened. Each way by which events leave is
// a Sink: the message bus (Bus), a URL that is called (Webhook), or letters to those
// who have subscribed to something (Mail). For each sink
// the service looks through the events that are new, writes down what is to be
// told, and delivers that. It is one of the services; only the program imports it.
//
// Everything is told at least once: a delivery that was sent and of which that
// could not be written down is sent again, with the same message id. What is about
// one package is told in the order in which it happened. Each sink has a loop of its
// own and a bounded number of deliveries under way, so one that is down, slow or
// refuses costs the others nothing. Any number of processes may run the service at
// once.
//
// That a package or a buildroot cannot be installed is held for a while. If it can
// be again until then, nobody is told of either.
//
// What happened is decided elsewhere, by the transactions that write events; how
// it is worded is in message.go, webhook.go and package letter. The package asks no
// hub. Which addresses may be called is in address.go: a name may lead
// anywhere, so the address is looked at when the connection is made.
package notifier
