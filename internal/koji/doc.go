// Package koji is the client of a Koji hub: a typed method for every call that
// Koschei makes, login, sessions, retries, and the addresses of what the hub
// serves as files. All services use it.
//
// Calls that only read are made without a session, so any number of them may
// run at once; they are repeated while the hub cannot be reached. Calls that
// change something are made one after another in a session. They carry a
// growing number by which the hub recognizes a repetition, so they too can be
// repeated after a lost answer, but only within that session. Where that is no
// longer possible a submission ends in ErrOutcomeUnknown and its caller looks
// the task up by the key that travels in the build's options.
//
// What a failure means for the caller is told by ClassOf and ClassOfTask.
//
// The package decides nothing about builds, keeps no record and reads neither
// files of repos (package repodata does) nor messages (package bus).
package koji
