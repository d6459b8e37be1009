// Package chaos is the kill test: all services as processes, two of each, on a
// real PostgreSQL and a simulated hub, both of which fail in every way they
// can, while processes are killed and frozen at random moments. When it is
// over, the hub and the record are compared, and the record with the truth.
//
// Only its test is in it, which "make chaos" and "make chaos-short" run; a
// plain "go test" passes it over. The hub lives in the test's process, so that
// the test can ask the world what really happened, but all traffic goes through
// sockets, one server for each process, so that a call can be cut off together
// with the process that made it.
//
// One seed decides the world, what is done to it and in which order. The
// moments are those of a real machine: the same seed gives the same plan, not
// the same run.
package chaos
