// Package depset holds dependency sets: the packages of a buildroot, by the
// numbers that the record has given them. It compares and hashes sets and turns
// them into the bytes that are stored. A set of 250 packages takes less than a
// kilobyte, and two of them are compared without knowing a single name. It also
// has the plain types of what sets are made and compared for: a package to
// resolve, what a repo says of it, what a repo has otherwise than another.
//
// Package resolution makes sets, the resolvers compare them, package postgres
// stores them.
//
// It does not know what the numbers stand for, only the record does, and it
// resolves nothing.
package depset
