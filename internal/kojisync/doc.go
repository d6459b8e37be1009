// Package kojisync brings the record in line with what Koji says: which packages a
// collection has, which builds packagers tagged, how our scratch builds go, what
// source packages say, and which repos still exist. Package polling calls it for
// everything at an interval, in a [Round] that asks for what has changed. The
// watcher calls it for single tasks and packages.
//
// Every function asks the hub first and stores then, in transactions that contain
// no call to the hub. Each may be killed at any moment and run again, and two
// processes may run the same one at once. An answer that comes twice or late changes
// nothing.
//
// The package also decides what the end of a task means for a build: see
// [Sync.RunningBuilds]. It submits nothing and resolves nothing.
package kojisync
