// Package edit is where people change the record: collections, groups, what is
// tracked, priorities, overrides, notices, administrators. Pages, the API and the
// command line use the same methods. Each takes an audit.Act, which says who
// changes what and when. It first checks that the actor may (koschei.Actor has the
// rules) and refuses, with an error that wraps koschei.ErrForbidden, who may not. It
// makes the whole change or none of it, writes the audit log in the same
// transaction, and returns sentences that say what changed.
//
// What services find out is stored by package record.
package edit
