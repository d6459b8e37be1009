package kojisync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRepoStates follows a repo until it is deleted.
func TestRepoStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.poll()
	f.Repo("f40", 1, f.Now())
	f.Repo("f40", 77, f.Now())
	check := func(what string, want ...string) {
		t.Helper()
		if err := f.RepoStates(t.Context(), f.collection()); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range f.Repos() {
			got = append(got, fmt.Sprintf("%d %s %t", r.RepoID, r.State, r.BeginEvent > 0))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("there, and unknown to the hub", "1 ready true", "77 deleted false")
	f.Administer("repoExpire", 1)
	check("expired", "1 expired true", "77 deleted false")
	f.clock.Step(time.Hour)
	f.Administer("repoDelete", 1)
	check("deleted", "1 deleted true", "77 deleted false")
	check("not asked about any more", "1 deleted true", "77 deleted false")
}
