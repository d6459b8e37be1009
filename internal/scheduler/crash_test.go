package scheduler

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// TestEndedAnywhere ends a scheduler at each of its calls to the hub, which
// carries the call out or does not. Another one then takes over. In the end
// each build has one task and each task its build.
func TestEndedAnywhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.LoadThreshold = 1
	f.startOver(t)
	for _, carriedOut := range []bool{true, false} {
		for n := 1; ; n++ {
			from := f.NewestBuild()
			if !f.endAt(t, n, carriedOut) {
				break
			}
			f.takeOver(t)
			f.checkTwins(t, n, from)
			f.reset(t)
		}
		f.reset(t)
	}
}

// endAt makes a pass that is ended at its n-th call, and reports whether it got
// that far.
func (f *fixture) endAt(t *testing.T, n int, carriedOut bool) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls atomic.Int64
	f.refuse = func(string) bool {
		if calls.Add(1) != int64(n) {
			return false
		}
		cancel()
		return !carriedOut
	}
	s := *f.Service
	s.Holder = "the one that ends"
	err := s.pass(ctx)
	f.refuse = nil
	if ctx.Err() == nil && err != nil {
		t.Errorf("call %d: %v", n, err)
	}
	return ctx.Err() != nil
}

// takeOver lets another scheduler find out what the one before it has left.
func (f *fixture) takeOver(t *testing.T) {
	t.Helper()
	f.RemoveLeases() // as if its time were over
	f.pass(t)
	f.clock.Step(2 * f.longestCall())
	f.pass(t)
}

// checkTwins compares the builds since one with the tasks of the hub.
func (f *fixture) checkTwins(t *testing.T, n int, from int64) {
	t.Helper()
	byKey := f.tasks(t)
	var rows, lost []string
	for _, b := range f.ScratchBuilds() {
		switch key := strconv.FormatInt(b.ID, 10); {
		case b.ID <= from:
		case b.Outcome == koschei.OutcomeRunning:
			rows = append(rows, key)
		case b.Outcome == koschei.OutcomeLost:
			lost = append(lost, key)
		}
	}
	if len(rows)+len(lost) != 3 || len(lost) > 1 {
		t.Errorf("call %d: %d builds are running and %d lost, want one of each package", n, len(rows), len(lost))
	}
	for _, id := range lost {
		if len(byKey[id]) > 0 {
			t.Errorf("call %d: build %s is lost, but has a task", n, id)
		}
	}
	for _, id := range rows {
		if len(byKey[id]) != 1 {
			t.Errorf("call %d: build %s has %d tasks", n, id, len(byKey[id]))
		}
	}
	for key, tasks := range byKey {
		for _, task := range tasks {
			if !task.State.Ended() && !slices.Contains(rows, key) {
				t.Errorf("call %d: task %d of build %s runs, but no build does", n, task.ID, key)
			}
		}
	}
}

// reset ends all builds and makes their packages due again.
func (f *fixture) reset(t *testing.T) {
	t.Helper()
	f.clock.Step(24 * time.Hour)
	f.poll(t)
	f.SetPackages(pgtest.ManualPriority(1000), pgtest.NotHeld())
	f.RemoveLeases()
}
