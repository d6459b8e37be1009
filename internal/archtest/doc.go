// Package archtest holds the repository to its architecture: layers.txt says
// which package may import which, and the tests here read the source to see
// that it is so. It has no code of its own and nothing imports it.
package archtest
