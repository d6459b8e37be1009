// Package postgres keeps the record: every SQL statement of the program, the
// migrations, transactions, leases, claims and the outbox. Services, rules and
// the frontend hold a *DB and call one method for one question or one change. Who
// works under a lease (Alone, Keep) holds a *Fenced, whose methods cannot be called
// without one.
//
// Every method is complete in itself: it opens the transaction it needs and
// calls unexported functions that take it. No method calls anything outside
// the database. Domain time (see package koschei) is always a parameter;
// statements use the database's own clock only for leases and the outbox.
//
// Each noun's statements are in the file of that noun's name. The package
// decides nothing: rules are in package koschei, what to do next is for the
// services. It does not run a server; package cluster does.
//
// # Wake-ups
//
// What gives a service something to do wakes it in the same transaction (wake,
// Listener). That is a courtesy: who is not woken finds the work when its
// interval is over.
//
// # Locks
//
// To stay free of deadlocks, a transaction locks rows in this order, and rows
// of one table by id: collection, package, build, everything else. A build's
// writer locks the build's package first (lockPackages). What still collides
// (serialization failures, deadlocks) is repeated by transact.
package postgres
