// Package settle is what every transaction that changes packages ends with:
// packages are locked in one order, the columns that follow from their builds
// follow again, states are noted, events are written, and the services that have
// something to do now are woken. Whoever writes the record uses it: record and
// the packages below it, and edit.
//
// Its functions take the transaction that they are part of. They decide nothing:
// rules are in package koschei.
//
// # Locks
//
// To stay free of deadlocks, a transaction locks rows in this order, and rows of
// one table by id: collection, package, build, everything else. A build's writer
// locks the build's package first (LockPackages). What still collides is repeated
// by the transaction (see package postgres).
package settle
