package maintain_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

var operator = koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}

func TestCleanup(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	foo, bar := w.Package("foo"), w.Package("bar")
	// Everything but the very last build is older than the limit.
	oldest := w.Build(foo, "complete")
	w.BuiltWith(oldest, pgtest.NEVRA("glibc", "1"), pgtest.NEVRA("only-in-the-oldest", "1"))
	resolved := w.Build(foo, "failed")
	w.BuiltWith(resolved, pgtest.NEVRA("glibc", "2"))
	canceled := w.Build(foo, "canceled")
	complete := w.Build(foo, "complete") // its dependencies are not known
	running := w.Build(foo, "running")
	alone := w.Build(bar, "failed")
	limit := pgtest.SampleTime().Add(100 * time.Hour)
	w.Event = 200
	recent := w.Build(bar, "complete")
	w.Set(pgtest.NEVRA("never-used", "1"))
	w.Exec(`INSERT INTO resolution_change (package_id, repo_id, resolved, changed)
		VALUES ($1, 1, true, $3), ($1, 2, false, $3), ($2, 1, true, $3), ($2, 2, false, $4)`,
		foo, bar, pgtest.SampleTime(), limit)
	w.Exec(`INSERT INTO repo (collection_id, repo_id, create_event, created) VALUES ($1, 0, 1, $2), ($1, 1, 2, $2), ($1, 2, 3, $2)`,
		w.Collection, pgtest.SampleTime())
	w.Exec(`INSERT INTO repo_change (collection_id, repo_id, source, prev, curr)
		SELECT $1, 0, 'forgotten', ARRAY[id], '{0}' FROM nevra WHERE name = 'never-used'`, w.Collection)
	old := pgtest.SampleTime()
	w.Exec(`INSERT INTO state_count (collection_id, at, repo_id, ok, failing, unresolved, unknown, untracked, running, due)
		SELECT $1, at, 1, 0, 0, 0, 0, 0, 0, 0 FROM unnest($2::timestamptz[]) AS at`, w.Collection, []time.Time{pgtest.SampleTime(), limit})
	w.Exec(`INSERT INTO unmet (collection_id, dependency, needed_by, needed_version, repo_id, since, why, source, source_before, source_after, provider, ended)
		SELECT $1, coalesce(ended::text, 'now'), '', '', 1, $2, 'absent', '', '', '', '', ended FROM unnest($3::timestamptz[]) AS ended`,
		w.Collection, pgtest.SampleTime(), []*time.Time{&old, &limit, nil})
	w.Exec(`DELETE FROM event`)
	w.Exec(`INSERT INTO event (at, kind, collection_id, collection) VALUES ($2, 'old', $1, 'f43'), ($3, 'new', $1, 'f43')`,
		w.Collection, pgtest.SampleTime(), limit)

	author := audit.Act{Actor: operator, Now: limit}
	got, err := w.DB.Cleanup(t.Context(), author, maintain.Retention{Builds: limit, Transitions: limit, Repos: limit, Events: limit})
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
		if n := w.Number(`SELECT count(*) FROM build WHERE id = $1`, b.id); n != b.left {
			t.Errorf("the %s build: %d are left, want %d", b.what, n, b.left)
		}
	}
	if n := w.Number(`SELECT count(*) FROM audit WHERE actor = 'operator' AND message LIKE 'cleanup removed 3 builds%'`); n != 1 {
		t.Errorf("%d audit entries, want 1", n)
	}
	if n := w.Number(`SELECT count(*) FROM state_count`); n != 1 {
		t.Errorf("%d counts of states are left, want the one that is not old", n)
	}
	if n := w.Number(`SELECT count(*) FROM unmet`); n != 2 {
		t.Errorf("%d dependencies that were not met are left, want the one that lasts and the one that ended lately", n)
	}
	again, err := w.DB.Cleanup(t.Context(), author, maintain.Retention{})
	if err != nil || again != (maintain.Cleaned{}) {
		t.Errorf("with nothing to forget: %+v (%v)", again, err)
	}
}

// TestCleanupKeepsComparedBuild cleans up behind a build that is untagged: what
// changed since the one before is told from that.
func TestCleanupKeepsComparedBuild(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	foo := w.Package("foo")
	old, untagged, last := w.Build(foo, koschei.OutcomeComplete), w.Build(foo, koschei.OutcomeComplete), w.Build(foo, koschei.OutcomeComplete)
	w.BuiltWith(old, pgtest.NEVRA("glibc", "1"))
	w.BuiltWith(untagged, pgtest.NEVRA("glibc", "2"))
	if err := w.Fenced.SaveBuildsUnavailable(t.Context(), []int64{last}); err != nil {
		t.Fatal(err)
	}
	w.Exec(`UPDATE build SET untagged = true WHERE id = $1`, untagged)
	w.Refresh(foo)
	comparedWith := func() int64 {
		t.Helper()
		candidates, err := w.DB.Candidates(t.Context(), w.Collection, false)
		if err != nil || len(candidates) != 1 {
			t.Fatalf("%d candidates (%v), want 1", len(candidates), err)
		}
		return candidates[0].SetID
	}
	before := comparedWith()
	_, err := w.DB.Cleanup(t.Context(), audit.Act{Actor: operator, Now: pgtest.SampleTime()}, maintain.Retention{Builds: pgtest.SampleTime().AddDate(1, 0, 0)})
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
	w := pgtest.NewSample(t)
	w.Exec(`UPDATE collection SET latest_repo_id = 4, latest_repo_event = 4, latest_repo_resolved = 'unresolved'`)
	w.Exec(`
		INSERT INTO repo (collection_id, repo_id, create_event, created, resolved)
		SELECT $1, n, n, $2, CASE WHEN n <= 2 THEN 'resolved' ELSE 'unresolved' END FROM generate_series(1, 4) n`, w.Collection, pgtest.SampleTime())
	r := maintain.Retention{Repos: pgtest.SampleTime().AddDate(1, 0, 0)}
	plan, err := w.DB.CleanupPlan(t.Context(), r)
	if err != nil || plan.Repos != 2 {
		t.Errorf("%d repos would be removed (%v), want 2", plan.Repos, err)
	}
	if done, err := w.DB.Cleanup(t.Context(), audit.Act{Actor: operator, Now: pgtest.SampleTime()}, r); err != nil || done.Repos != 2 {
		t.Errorf("%d repos were removed (%v), want 2", done.Repos, err)
	}
	fresh, err := w.DB.Freshness(t.Context())
	if err != nil || fresh[w.Collection].Verdicts.RepoID != 2 {
		t.Errorf("verdicts are about repo %d (%v), want 2", fresh[w.Collection].Verdicts.RepoID, err)
	}
}
