//go:build scale && halfyear

package record_test

// The size of the scale record in "make takeover": six months of a distribution
// as large as Fedora, as the original Koschei keeps them.
const (
	scaleSources = 24_000
	scaleDays    = 180
	scaleBuilds  = 2_400 // scratch builds a day, in all collections
)
