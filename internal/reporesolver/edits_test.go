package reporesolver

import (
	"context"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/scenario"
	"github.com/koschei-ci/koschei/internal/view"
)

// editRounds is how often somebody edits a package while the service runs:
// KOSCHEI_EDIT_ROUNDS, or as often as a test may take.
func editRounds(t *testing.T) int {
	text := os.Getenv("KOSCHEI_EDIT_ROUNDS")
	if text == "" {
		return 60
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// While the service resolves repo after repo, nothing that people change of the same
// packages is lost, and the service's verdicts are stored.
func TestEditsBesideResolver(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	passes, stop := s.passesUntil(t)
	defer stop()
	rounds := editRounds(t)
	want := map[string]view.PackageSettings{"foo": {Tracked: true}, "bash": {Tracked: true}}
	for i := range rounds {
		if i%10 == 0 {
			s.NewRepo()
		}
		priority, skip := i+1, i%4 < 2
		s.edit(t, want, edit.PackageEdit{Name: "foo", ManualPriority: &priority})
		s.edit(t, want, edit.PackageEdit{Name: "bash", SkipResolution: &skip})
	}
	skip := false
	s.edit(t, want, edit.PackageEdit{Name: "bash", SkipResolution: &skip})
	stop()
	if n := passes(); n < 3 {
		t.Errorf("only %d passes were made meanwhile", n)
	}
	s.NewRepo()
	s.mustPass()
	for _, p := range s.Packages() {
		if p.Resolution != koschei.Resolved {
			t.Errorf("%s is %s after the last repo", p.Name, p.Resolution)
		}
	}
	entries, err := s.Store.People.Audit(t.Context(), "foo", 2*rounds)
	if err != nil || len(entries) != rounds {
		t.Errorf("the audit log tells of %d changes of foo, want %d (%v)", len(entries), rounds, err)
	}
}

// passesUntil has the service make one pass after the other. stop waits for the last;
// it may be called twice.
func (s *sim) passesUntil(t *testing.T) (passes func() int, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	var running sync.WaitGroup
	running.Go(func() {
		for ; ctx.Err() == nil; n++ {
			if err := s.pass(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("pass %d: %v", n, err)
				return
			}
		}
	})
	return func() int { return n }, func() {
		cancel()
		running.Wait()
	}
}

// edit makes a change as somebody at a page does, and holds all settings to those
// wanted.
func (s *sim) edit(t *testing.T, want map[string]view.PackageSettings, e edit.PackageEdit) {
	t.Helper()
	w := want[e.Name]
	e.Collection, e.Revision = "f44", new(int64)
	*e.Revision = w.Revision
	act := audit.Act{Actor: koschei.Actor{Name: "ann", From: koschei.FromFrontend}, Now: s.Clock.Now()}
	changes, err := s.Store.EditPackage(t.Context(), act, e)
	if err != nil {
		t.Fatal(err)
	}
	w.Revision += int64(len(changes))
	if e.ManualPriority != nil {
		w.ManualPriority = *e.ManualPriority
	}
	if e.SkipResolution != nil {
		w.SkipResolution = *e.SkipResolution
	}
	want[e.Name] = w
	for name, w := range want {
		got, err := s.Store.Packages.Settings(t.Context(), "f44", name)
		if err != nil {
			t.Fatal(err)
		}
		if *got != w {
			t.Fatalf("%s has %+v, want %+v", name, *got, w)
		}
	}
}
