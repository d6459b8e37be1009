package record_test

import (
	"testing"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// A world is a pgtest.Sample, with what tests of this package do with it.
type world struct {
	*pgtest.Sample

	t *testing.T
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{Sample: pgtest.NewSample(t), t: t}
}

var testTime = pgtest.SampleTime()
