// Package watcher hears on the message bus what happens at the hub and has it
// looked at now instead of at the next poll: a task of ours that went on, a
// build that was tagged or untagged, an entry of a package list, a new repo.
//
// A message is a hint and nothing else. It may be lost, doubled, late, out of
// order or forged; all that is taken from it is which task, tag or package to
// ask the hub about, and what the hub answers is stored by package kojisync, as
// polling does it. So the watcher may be stopped, and any number may run on one
// queue: without it everything happens as well, later.
//
// Messages that wait together are answered together: one question about all
// tasks, one about a collection's packages, however many messages there are. A
// message is done when what it led to is committed; while the hub or the
// database is away it comes again after a while. What cannot be read, or what
// the hub refuses to answer, is logged, counted and done: it never blocks the
// queue.
//
// Messages are of the hub that builds. What collections in secondary mode read
// from the other hub is left to polling.
package watcher
