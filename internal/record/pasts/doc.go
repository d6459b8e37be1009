// Package pasts stores what became of packages in another record: builds, what
// they were built with, and when they could be resolved. The command
// "import-upstream" uses it, through package takeover, which finds out the order
// of events. What people decided in the other record is taken over by package
// edit.
package pasts
