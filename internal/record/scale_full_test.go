//go:build scale && !halfyear

package record_test

// The size of the scale record in "make scale": a distribution as large as
// Debian, three months.
const (
	scaleSources = 34_000
	scaleDays    = 90
	scaleBuilds  = 2_400 // scratch builds a day, in all collections
)
