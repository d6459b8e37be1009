// Package admin is what koschei-admin does in more than one call of the record:
// it fills a group from a pattern or a list, and exports and imports groups and
// priorities as YAML.
//
// The commands of koschei-admin use it. They open the database and the files, and
// print the results. The package calls nothing but the record, prints nothing, and
// decides nothing about builds. A single change of the record is one method of the
// database package instead.
package admin
