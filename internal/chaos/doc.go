// Package chaos tests all services as processes, on a real PostgreSQL, a real
// message bus and a simulated hub. It contains only tests, and a plain "go test"
// skips them.
//
// The kill test ("make chaos", "make chaos-short") runs two processes of each
// service. It kills and freezes them at random moments, while the hub, the bus,
// the database, the network, the files of repos and clients fail in many ways. At the
// end it compares the hub with the record, and the record with the truth. No
// collection may have waited for another.
//
// The siege ("make siege") kills nothing. It has one thing outside of Koschei be at
// its worst, for long, and measures what becomes of the rest.
//
// The month ("make month") breaks nothing. Two collections of a large distribution
// get eight repos a day each, and the last day is compared with the first. What is
// usual at a large hub happens once, and at the end states are compared with the
// truth.
//
// The siege of the notifier ("make told", "make told-short") runs no hub. Two notifiers
// are killed and frozen while those whom they tell, a message bus, a web hook, a mail
// server and a Bugzilla, are away, slow, and answer in every wrong way. At the end each
// has heard of every change, of each package in its order, and what it heard twice it
// can recognise.
//
// The hub runs in the test's process, so that the test can ask it what really
// happened. All traffic still goes through sockets. Each process has a server of
// its own, so that a call can be cut off together with the process that made it.
//
// One seed decides the world, and what is done to it in which order. The timing is
// that of a real machine: the same seed gives the same plan, not the same run.
package chaos
