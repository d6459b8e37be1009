// Package postgres is what everything that stores stands on: connections,
// transactions, leases, notifications, migrations, and a few helpers for reading
// rows. It knows no table but those of leases and of the migrations. Which tables
// there are is in migrations; what they mean is in package schema. Services read
// and write them through package record, pages through view, people's changes go
// through edit.
//
// A DB reads and writes. A Fenced is a DB for work under a lease (Alone, Keep):
// what is written through it has no effect once somebody else has the lease. A
// Reader can only read: the server refuses everything else on its connections.
//
// The package does not run a server; package cluster does. It uses the database's
// own clock for what concerns processes: leases.
//
// # Wake-ups
//
// What gives a service something to do wakes it in the same transaction (Wake,
// Listener). That only saves waiting: a service that is not woken finds the work
// at its next interval.
//
// # Collisions
//
// Transactions lock rows in one order (package settle). What still collides
// (serialization failures, deadlocks) is repeated by Transact.
package postgres
