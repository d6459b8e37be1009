// Package depset holds dependency sets: the packages of a buildroot, by the
// numbers that the record has given them. It compares and hashes sets and turns
// them into the bytes that are stored. A set of 250 packages takes less than a
// kilobyte, and two of them are compared without knowing a single name.
//
// Package resolution makes sets, package postgres stores them.
//
// It does not know what the numbers mean; only the record does.
package depset
