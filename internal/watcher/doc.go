// Package watcher listens to the message bus and asks the hub at once about what
// happened, instead of at the next poll: a task of ours that changed, a build that
// was tagged or untagged, an entry of a package list, a new repo. It is one of the
// services; only the program imports it.
//
// A message is only a hint. It may be lost, doubled, late, out of order or forged.
// It says which task, tag or package to ask the hub about, and nothing else is taken
// from it. Package kojisync stores the hub's answer, as it does for polling. So the
// watcher may be stopped, and any number may run on one queue. Without it everything
// happens later.
//
// Waiting messages are answered together: one question about all tasks, one about a
// collection's packages, however many messages there are. A message is done when its
// result is committed. While the hub or the database is away it comes again after a
// while. A message that cannot be read, or that the hub refuses to answer, is
// logged, counted and done: it never blocks the queue.
//
// Messages are those of the hub that builds. In secondary mode polling alone reads
// the other hub.
package watcher
