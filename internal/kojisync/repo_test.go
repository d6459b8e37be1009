package kojisync

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRepoStates follows a repo until it is deleted.
func TestRepoStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.poll()
	f.exec(`
		INSERT INTO repo (collection_id, repo_id, create_event, created)
		SELECT id, r, r, $1 FROM collection, unnest('{1,77}'::bigint[]) AS r`, f.Now())
	check := func(what string, want ...string) {
		t.Helper()
		if err := f.RepoStates(t.Context(), f.collection()); err != nil {
			t.Fatal(err)
		}
		got := f.query(`SELECT repo_id || ' ' || state || ' ' || (begin_event > 0) FROM repo ORDER BY repo_id`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("there, and unknown to the hub", "1 ready true", "77 deleted false")
	f.administer("repoExpire", 1)
	check("expired", "1 expired true", "77 deleted false")
	f.clock.Step(time.Hour)
	f.administer("repoDelete", 1)
	check("deleted", "1 deleted true", "77 deleted false")
	check("not asked about any more", "1 deleted true", "77 deleted false")
}
