package scheduler

import (
	"context"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// startOver makes the record learn all it knows from the hub.
func (f *fixture) startOver(t *testing.T) {
	t.Helper()
	f.RemovePackages()
	f.poll(t)
	f.SetPackages(pgtest.Tracked(true), pgtest.Resolution(koschei.Resolved))
	f.NoteStates()
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
