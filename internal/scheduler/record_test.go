package scheduler

import (
	"context"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
)

// startOver makes the record learn all it knows from the hub.
func (f *fixture) startOver(t *testing.T) {
	t.Helper()
	f.exec(t, `TRUNCATE base_package CASCADE`)
	f.poll(t)
	f.exec(t, `UPDATE package SET tracked = true, resolution = 'resolved'`)
	f.exec(t, `UPDATE package SET noted_state = state`)
	f.clock.Step(8 * 24 * time.Hour) // until time alone makes every package due
}

// poll does what polling does.
func (f *fixture) poll(t *testing.T) {
	t.Helper()
	c, err := f.DB.Collection(t.Context(), "f40")
	if err != nil {
		t.Fatal(err)
	}
	sync := f.sync(f.DB)
	if err := sync.RunningBuilds(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []func(context.Context, *koschei.Collection) error{sync.PackageList, sync.TaggedBuilds, sync.SourceFacts} {
		if err := step(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}
