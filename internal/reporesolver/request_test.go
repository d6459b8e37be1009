package reporesolver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/scenario"
)

// asksOf runs a pass every five minutes for some time and tells after how many
// minutes the hub was asked for a repo.
func (s *sim) asksOf(d time.Duration) []int {
	s.T.Helper()
	const step = 5 * time.Minute
	minutes, before := []int{}, s.Calls("repo.request")
	for passed := time.Duration(0); passed < d; passed += step {
		s.mustPass()
		if now := s.Calls("repo.request"); now > before {
			minutes, before = append(minutes, int(passed.Minutes())), now
		}
		s.Clock.Step(step)
	}
	return minutes
}

// Nobody but us asks for repos here, and nobody makes those that are asked for.
func TestRequestsArePaced(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	expect := func(when string, d time.Duration, want ...int) {
		t.Helper()
		if diff := cmp.Diff(append([]int{}, want...), s.asksOf(d)); diff != "" {
			t.Errorf("%s, minutes at which the hub was asked (-want +got):\n%s", when, diff)
		}
	}
	expect("nothing has changed", 5*time.Hour)
	s.tag("gcc-2-1")
	expect("the tag has changed", 5*time.Hour, 35, 95, 155, 215, 275)
	s.NewRepo()
	expect("the repo has come", 5*time.Hour)
	s.Administer("repoDelete", s.collection().LatestRepoID)
	expect("the repo is gone", 2*time.Hour, 35, 95)
}

// A hub that is too old to be asked, or that does not know us, is asked once a
// day, and repos are looked at all the same.
func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	s.Hub.World().SetPolicy(kojisim.Policy{Version: "1.34.1"})
	s.tag("gcc-2-1")
	if got := s.asksOf(30 * time.Hour); len(got) != 2 {
		t.Errorf("asked after %v minutes, want twice in 30 hours", got)
	}
	s.NewRepo()
	s.mustPass()
	if c := s.collection(); c.LatestRepoID != 2 || c.LatestRepoResolved != koschei.Resolved {
		t.Errorf("the latest repo is %d, %s", c.LatestRepoID, c.LatestRepoResolved)
	}
}
