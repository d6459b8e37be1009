package explain

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
)

func TestSubmission(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	good := koschei.Collection{LatestRepoID: 7, LatestRepoResolved: koschei.Resolved}
	seen := koschei.ServiceReport{Succeeded: now.Add(-time.Minute)}
	remarked, troubled := seen, seen
	remarked.Remark, troubled.Trouble = "all 30 places for builds are taken", "the hub is away"
	for _, tt := range []struct {
		collection koschei.Collection
		scheduler  koschei.ServiceReport
		want       Submitting
		why        string
	}{
		{koschei.Collection{}, seen, NoBuildroot, "no repo of it was looked at yet"},
		{koschei.Collection{LatestRepoID: 7, LatestRepoResolved: koschei.Unresolved}, troubled, NoBuildroot, "its base buildroot cannot be installed from repo 7"},
		{good, troubled, InTrouble, "the scheduler has trouble with it: the hub is away"},
		{good, koschei.ServiceReport{}, Unseen, "no scheduler has looked at it yet"},
		{good, koschei.ServiceReport{Succeeded: now.Add(-2 * time.Hour)}, Unseen, "no scheduler has looked at it since 2026-11-23 20:00 UTC"},
		{good, remarked, Limited, "all 30 places for builds are taken"},
		{good, seen, AsTheyCome, ""},
	} {
		got := Submission(&tt.collection, tt.scheduler, now, time.Hour)
		if why := got.Why(&tt.collection, tt.scheduler); got != tt.want || why != tt.why {
			t.Errorf("%+v, %+v: %q because %q, want %q because %q", tt.collection, tt.scheduler, got, why, tt.want, tt.why)
		}
	}
}

// Who has the fewest builds for its weight is next, until nothing waits.
func TestTurns(t *testing.T) {
	t.Parallel()
	lines := []Line{{Running: 4, Weight: 2, Waiting: 3}, {Running: 0, Weight: 1, Waiting: 9}, {Running: 9, Weight: 1}}
	if got, want := Turns(lines, 7), []int{1, 1, 0, 1, 0, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
	if got := Turns(lines, 100); len(got) != 12 {
		t.Errorf("%d turns, want one for each of 12 packages", len(got))
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	pace := Pace([]time.Duration{10 * time.Minute, 30 * time.Minute, 0, 0})
	if math.Abs(pace-16) > 1e-9 {
		t.Errorf("pace %v, want two known places with 8 an hour, and two more as quick", pace)
	}
	if got, want := StartOf(4, pace, now), now.Add(15*time.Minute); !got.Equal(want) {
		t.Errorf("the fourth starts at %v, want %v", got, want)
	}
	if got := Pace([]time.Duration{0}); got != 0 {
		t.Errorf("pace %v where nothing is known", got)
	}
	if got := StartOf(1, 0, now); !got.IsZero() {
		t.Errorf("a start at %v where nothing is known", got)
	}
}
