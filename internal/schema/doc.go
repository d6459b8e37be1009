// Package schema says what the tables mean, for all who read them: one list of
// columns and one scan for each kind of row, and the conditions that must be the
// same wherever they stand, such as which packages are resolved at all or which
// build comparisons start from. Packages record, view and edit stand on it, and
// each has the statements of its own questions.
//
// It reads, and changes nothing. The tables themselves are made by the
// migrations of package postgres.
package schema
