//go:build !scale

package record_test

import (
	"testing"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// The size of the scale record in "make check", where only its making and its
// measuring are tried.
const (
	scaleSources = 1_000
	scaleDays    = 10
	scaleBuilds  = 240 // scratch builds a day, in all collections
)

// TestScale makes a small scale record and takes every figure of it once.
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some 20 s")
	}
	cfg := pgtest.Database(t)
	makeScale(t, cfg)
	result := testing.Benchmark(func(b *testing.B) {
		b.StopTimer()
		measureScale(b, cfg)
		b.StartTimer()
		for range b.N {
		}
	})
	if result.N == 0 {
		t.Error("a figure could not be taken; see above")
	}
}
