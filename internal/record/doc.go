// Package record is what services read and write: builds and submissions, what
// is tagged, what a repo means for each package, what source packages say. Pages
// and programs that only read use package view; what people decide is changed
// through package edit.
//
// Every method is complete in itself: it answers one question or makes one
// change, in a transaction of its own, with everything that follows from it
// (package settle). No method calls anything outside the database. Domain time
// (see package koschei) is always a parameter.
//
// A service that must be the only one of its kind works under a lease and holds a
// *Fenced: what it writes has no effect once another process has the lease. What
// may only be written so is a method of *Fenced alone.
package record
