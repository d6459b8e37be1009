// Package koji is the client of a Koji hub: a typed method for every call that
// Koschei makes, login, sessions, retries, and the addresses of the files that the
// hub serves. All services use it.
//
// Calls that only read need no session, so any number of them may run at once. They
// are repeated while the hub cannot be reached. Calls that change something are made
// one after another in a session. They carry a growing number by which the hub
// recognizes a repetition. So a call whose answer was lost can be repeated, but only
// in the same session. Where that is not possible, a submission ends in
// ErrOutcomeUnknown, and its caller looks the task up by the key in the build's
// options.
//
// ClassOf and ClassOfTask say what a failure means for the caller.
//
// The package decides nothing about builds and keeps no record. It reads neither
// files of repos (package repodata does) nor messages (package bus).
package koji
