// Package kojisync brings the record in line with what Koji says: which
// packages a collection has, which builds packagers tagged, how our scratch
// builds go, what source packages say, and which repos are still there. Package
// polling calls it for everything now and then, in a [Round] that asks for what
// has changed; whoever hears of one thing may call it for that.
//
// Every function asks the hub first and stores then, in transactions that hold
// no call to the hub; each may be killed at any moment and run again, and two
// processes may run the same one at once. What is heard twice or late changes
// nothing.
//
// The package also decides what a task's end means: see [Sync.RunningBuilds].
// It submits nothing and resolves nothing.
package kojisync
