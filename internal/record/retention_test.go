package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

func TestCleanup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foo, bar := w.pkg("foo"), w.pkg("bar")
	// Everything but the very last build is older than the limit.
	oldest := w.build(foo, "complete")
	w.builtWith(oldest, nevra("glibc", "1"), nevra("only-in-the-oldest", "1"))
	resolved := w.build(foo, "failed")
	w.builtWith(resolved, nevra("glibc", "2"))
	canceled := w.build(foo, "canceled")
	complete := w.build(foo, "complete") // its dependencies are not known
	running := w.build(foo, "running")
	alone := w.build(bar, "failed")
	limit := testTime.Add(100 * time.Hour)
	w.event = 200
	recent := w.build(bar, "complete")
	w.set(nevra("never-used", "1"))
	w.exec(`INSERT INTO resolution_change (package_id, repo_id, resolved, changed)
		VALUES ($1, 1, true, $3), ($1, 2, false, $3), ($2, 1, true, $3), ($2, 2, false, $4)`,
		foo, bar, testTime, limit)
	w.exec(`INSERT INTO repo (collection_id, repo_id, create_event, created) VALUES ($1, 0, 1, $2), ($1, 1, 2, $2), ($1, 2, 3, $2)`,
		w.collection, testTime)
	w.exec(`INSERT INTO repo_change (collection_id, repo_id, source, prev, curr)
		SELECT $1, 0, 'forgotten', ARRAY[id], '{0}' FROM nevra WHERE name = 'never-used'`, w.collection)
	w.exec(`DELETE FROM event`)
	w.exec(`INSERT INTO event (at, kind, collection_id, collection) VALUES ($2, 'old', $1, 'f43'), ($3, 'new', $1, 'f43')`,
		w.collection, testTime, limit)

	author := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: limit}
	got, err := w.db.Cleanup(t.Context(), author, maintain.Retention{Builds: limit, Transitions: limit, Repos: limit, Events: limit})
	if err != nil {
		t.Fatal(err)
	}
	// What the oldest build was made with stays known: the changes of the build
	// after it refer to that.
	want := maintain.Cleaned{Builds: 3, Transitions: 2, Repos: 1, Events: 1, Sets: 1, NEVRAs: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Cleanup (-want +got):\n%s", diff)
	}
	for _, b := range []struct {
		what string
		id   int64
		left int64
	}{
		{"oldest", oldest, 0},
		{"canceled", canceled, 0},
		{"not the last", alone, 0},
		{"newest resolved", resolved, 1},
		{"last complete", complete, 1},
		{"running", running, 1},
		{"recent", recent, 1},
	} {
		if n := w.number(`SELECT count(*) FROM build WHERE id = $1`, b.id); n != b.left {
			t.Errorf("the %s build: %d are left, want %d", b.what, n, b.left)
		}
	}
	if n := w.number(`SELECT count(*) FROM audit WHERE actor = 'operator' AND message LIKE 'cleanup removed 3 builds%'`); n != 1 {
		t.Errorf("%d audit entries, want 1", n)
	}
	again, err := w.db.Cleanup(t.Context(), author, maintain.Retention{})
	if err != nil || again != (maintain.Cleaned{}) {
		t.Errorf("with nothing to forget: %+v (%v)", again, err)
	}
}

// TestCleanupKeepsComparedBuild cleans up behind a build that is untagged: what
// changed since the one before is told from that.
func TestCleanupKeepsComparedBuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foo := w.pkg("foo")
	old, untagged, last := w.build(foo, koschei.OutcomeComplete), w.build(foo, koschei.OutcomeComplete), w.build(foo, koschei.OutcomeComplete)
	w.builtWith(old, nevra("glibc", "1"))
	w.builtWith(untagged, nevra("glibc", "2"))
	if err := w.fenced.SaveBuildsUnavailable(t.Context(), []int64{last}); err != nil {
		t.Fatal(err)
	}
	w.exec(`UPDATE build SET untagged = true WHERE id = $1`, untagged)
	w.refresh(foo)
	comparedWith := func() int64 {
		t.Helper()
		candidates, err := w.db.Candidates(t.Context(), w.collection, false)
		if err != nil || len(candidates) != 1 {
			t.Fatalf("%d candidates (%v), want 1", len(candidates), err)
		}
		return candidates[0].SetID
	}
	before := comparedWith()
	_, err := w.db.Cleanup(t.Context(), someone, maintain.Retention{Builds: testTime.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if after := comparedWith(); before == 0 || after != before {
		t.Errorf("the package was compared with set %d, after the cleanup with %d", before, after)
	}
}

// A base buildroot is broken for longer than repos are kept: the last repo in
// which it was not stays, for the verdicts shown are about it.
func TestCleanupWhileBroken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`UPDATE collection SET latest_repo_id = 4, latest_repo_event = 4, latest_repo_resolved = 'unresolved'`)
	w.exec(`
		INSERT INTO repo (collection_id, repo_id, create_event, created, resolved)
		SELECT $1, n, n, $2, CASE WHEN n <= 2 THEN 'resolved' ELSE 'unresolved' END FROM generate_series(1, 4) n`, w.collection, testTime)
	r := maintain.Retention{Repos: testTime.AddDate(1, 0, 0)}
	plan, err := w.db.CleanupPlan(t.Context(), r)
	if err != nil || plan.Repos != 2 {
		t.Errorf("%d repos would be removed (%v), want 2", plan.Repos, err)
	}
	if done, err := w.db.Cleanup(t.Context(), someone, r); err != nil || done.Repos != 2 {
		t.Errorf("%d repos were removed (%v), want 2", done.Repos, err)
	}
	fresh, err := w.db.Freshness(t.Context())
	if err != nil || fresh[w.collection].Verdicts.RepoID != 2 {
		t.Errorf("verdicts are about repo %d (%v), want 2", fresh[w.collection].Verdicts.RepoID, err)
	}
}
