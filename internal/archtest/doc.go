// Package archtest tests that the repository keeps to its architecture: which
// package may import which (layers.txt), which names logs use (logkeys.txt), and
// whether links in documents lead somewhere. The tests read the source. The
// package has no code of its own, and nothing imports it.
package archtest
