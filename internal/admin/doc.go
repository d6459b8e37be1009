// Package admin is what koschei-admin does in more than one call of the
// record: filling a group from a pattern or a list, and taking groups and
// priorities out of the record as YAML and into it again.
//
// Commands of koschei-admin use it; they open what it works on and print what
// it returns. It asks nobody, prints nothing, and decides nothing about builds.
// What is one change of the record is one method of package postgres.
package admin
