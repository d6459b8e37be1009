// Package chaos has the tests that run all services as processes, on a real
// PostgreSQL, a real message bus and a simulated hub. Nothing else is in it,
// and a plain "go test" passes them over.
//
// The kill test ("make chaos", "make chaos-short") has two processes of each
// service. The hub, the bus and the database fail in every way they can, while
// processes are killed and frozen at random moments. When it is over, the hub
// and the record are compared, and the record with the truth.
//
// The month ("make month") breaks nothing. Two collections of a large
// distribution get eight repos a day each, and the last day is compared with
// the first.
//
// The hub lives in the test's process, so that the test can ask the world what
// really happened, but all traffic goes through sockets, one server for each
// process, so that a call can be cut off together with the process that made it.
//
// One seed decides the world, what is done to it and in which order. The
// moments are those of a real machine: the same seed gives the same plan, not
// the same run.
package chaos
