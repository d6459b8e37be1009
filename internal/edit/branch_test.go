package edit_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/settle"
)

func TestEditCollection(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	e.sql.Exec(`UPDATE collection SET latest_repo_id = 7, latest_repo_event = 70, latest_repo_resolved = 'resolved'`)
	got, err := e.EditCollection(t.Context(), e.author, "f27", func(c *koschei.Collection) error {
		c.Order = 150
		c.BugzillaVersion = ""
		return nil
	})
	e.check(t, got, err,
		"collection f27: order changed from 100 to 150",
		"collection f27: Bugzilla version changed from rawhide to ")
	if c, err := e.View.Collection(t.Context(), "f27"); err != nil || c.LatestRepoID != 7 {
		t.Errorf("the latest repo is %+v (%v), want 7", c, err)
	}
	_, err = e.EditCollection(t.Context(), e.author, "f27", func(c *koschei.Collection) error {
		c.BuildTag = "other"
		return nil
	})
	if c, readErr := e.View.Collection(t.Context(), "f27"); err != nil || readErr != nil || c.LatestRepoID != 0 || c.State() != koschei.StateUnknown {
		t.Errorf("with another build tag the latest repo is %+v (%v, %v), want none", c, err, readErr)
	}
	_, err = e.EditCollection(t.Context(), e.author, "f27", func(c *koschei.Collection) error {
		c.Target = ""
		return nil
	})
	wantError(t, err, koschei.ErrInvalid, "collection f27: invalid: it has no target")
	_, err = e.DeleteCollection(t.Context(), e.author, "f27", false)
	wantError(t, err, koschei.ErrInUse, "collection f27 is in use: it has 3 packages")
	got, err = e.DeleteCollection(t.Context(), e.author, "f27", true)
	e.check(t, got, err, "collection f27 deleted with 3 packages")
}

// addHistory gives foo an old and a recent ended build and one under way, bar
// only an old one.
func addHistory(t *testing.T, e *editor) {
	t.Helper()
	insert := func(pkg, outcome string, task, event int, age time.Duration) {
		t.Helper()
		e.sql.Exec(`
			INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, repo_id, started, finished)
			SELECT id, 'scratch', $2, $3, $4, '1', '1', 5, $5,
				CASE WHEN $2 <> 'running' THEN $5::timestamptz + interval '1 hour' END
			FROM package WHERE name = $1`, pkg, outcome, event, task, noon.Add(-age))
	}
	const day = 24 * time.Hour
	insert("foo", "complete", 1, 10, 100*day)
	insert("foo", "failed", 2, 20, 29*day)
	insert("foo", "running", 3, 30, time.Hour)
	insert("bar", "complete", 4, 15, 100*day)
	e.sql.Exec(`
		INSERT INTO build_task (build_id, task_id, method, arch, state, started)
		SELECT id, task_id + 100, 'buildArch', 'x86_64', 'closed', started FROM build`)
	e.sql.Exec(`
		INSERT INTO applied_change (build_id, prev_build_id, prev, curr, distance)
		SELECT b.id, p.id, '{1}', '{2}', '{1}' FROM build b, build p WHERE b.task_id = 2 AND p.task_id = 1`)
	e.sql.Exec(`
		INSERT INTO resolution_change (package_id, repo_id, resolved, problems, changed)
		SELECT id, 5, false, '{nothing provides x}', $1::timestamptz FROM package WHERE name = 'foo'`, noon.Add(-2*day))
	e.sql.Exec(`UPDATE package SET resolution = 'resolved' WHERE name = 'foo'`)
	_, err := e.TrackPackages(t.Context(), e.author, "f27", nil, true)
	if err != nil {
		t.Fatal(err)
	}
	err = e.PG.Transact(t.Context(), func(tx pgx.Tx) error {
		var ids []int64
		if err := tx.QueryRow(t.Context(), `SELECT array_agg(id) FROM package`).Scan(&ids); err != nil {
			return err
		}
		return settle.Packages(t.Context(), tx, ids, noon)
	})
	if err != nil {
		t.Fatal(err)
	}
	e.sql.Exec(`DELETE FROM event`)
}

func TestBranchCollection(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	addHistory(t, e)
	if _, err := e.CreateCollectionGroup(t.Context(), e.author, edit.CollectionGroupEdit{
		Name: "fedora", DisplayName: "Fedora", Collections: []string{"f27"},
	}); err != nil {
		t.Fatal(err)
	}
	got, err := e.BranchCollection(t.Context(), e.author, edit.Branch{
		Master: "f27", NewName: "f28", Target: "f28", DestTag: "f28-build", BuildTag: "f28-build",
		DisplayName: "Fedora 27", BugzillaVersion: "27",
	})
	e.check(t, got, err,
		"collection f27: name changed from f27 to f28",
		"collection f27: order changed from 100 to 101",
		"collection f27: target changed from rawhide to f28",
		"collection f27: destination tag changed from f27 to f28-build",
		"collection f27: build tag changed from f27-build to f28-build",
		"collection f27 branched from f28")
	for _, tt := range []struct {
		what, sql string
		want      []string
	}{
		{"collections", `
			SELECT concat_ws(' ', name, display_name, "order", target, dest_tag, build_tag, bugzilla_version)
			FROM collection ORDER BY "order"`, []string{
			"f27 Fedora 27 100 rawhide f27 f27-build 27",
			"f28 Rawhide 101 f28 f28-build f28-build rawhide",
		}},
		{
			"members of the group", `
			SELECT c.name FROM collection_group_member m JOIN collection c ON c.id = m.collection_id ORDER BY 1`,
			[]string{"f27", "f28"},
		},
		{"builds of the branch", `
			SELECT concat_ws(' ', p.name, b.outcome, b.task_id, t.task_id)
			FROM build b JOIN package p ON p.id = b.package_id JOIN collection c ON c.id = p.collection_id
			JOIN build_task t ON t.build_id = b.id
			WHERE c.name = 'f27' AND b.copied_from IS NOT NULL
			ORDER BY 1`, []string{"bar complete 4 104", "foo failed 2 102"}},
		{"builds under way", `
			SELECT c.name FROM build b JOIN package p ON p.id = b.package_id JOIN collection c ON c.id = p.collection_id
			WHERE b.outcome = 'running'`, []string{"f28"}},
		{"states", `
			SELECT concat_ws(' ', c.name, p.name, p.state, p.noted_state, p.running, p.resolution)
			FROM package p JOIN collection c ON c.id = p.collection_id ORDER BY 1`, []string{
			"f27 bar ok ok f unattempted",
			"f27 baz unknown unknown f unattempted",
			"f27 foo failing failing f unattempted",
			"f28 bar ok ok f unattempted",
			"f28 baz unknown unknown f unattempted",
			"f28 foo failing failing t resolved",
		}},
		{
			"dependency changes of the branch", `
			SELECT concat_ws(' ', b.task_id, a.prev, a.curr)
			FROM applied_change a JOIN build b ON b.id = a.build_id WHERE b.copied_from IS NOT NULL`,
			[]string{"2 {1} {2}"},
		},
		{"resolution changes of the branch", `
			SELECT p.name FROM resolution_change r JOIN package p ON p.id = r.package_id
			JOIN collection c ON c.id = p.collection_id WHERE c.name = 'f27'`, []string{"foo"}},
		{"events", `SELECT kind FROM event`, []string{}},
	} {
		if diff := cmp.Diff(tt.want, append([]string{}, e.sql.Lines(tt.sql)...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.what, diff)
		}
	}
}

// The copy of a package that cannot be installed is not resolved yet. Its history
// leads to the state that it is in.
func TestBranchUnresolved(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	foo := w.Package("foo")
	w.Build(foo, koschei.OutcomeComplete)
	w.Exec(`UPDATE package SET noted_state = state`)
	candidates, err := w.DB.Candidates(t.Context(), w.Collection, false)
	if err != nil || len(candidates) != 1 {
		t.Fatalf("%d candidates (%v), want 1", len(candidates), err)
	}
	repo := &koschei.Repo{CollectionID: w.Collection, RepoID: 2, CreateEvent: 2}
	unresolved := depset.Verdict{Candidate: &candidates[0], Answered: true, Problems: []string{"nothing provides something"}, Priority: 50}
	if _, err := w.Fenced.StoreVerdicts(t.Context(), repo, []depset.Verdict{unresolved}, pgtest.SampleTime()); err != nil {
		t.Fatal(err)
	}
	_, err = w.DB.BranchCollection(t.Context(), someone(), edit.Branch{
		Master: "f43", NewName: "f44", Target: "f44", DestTag: "f44", BuildTag: "f44-build", DisplayName: "Fedora 43",
	})
	if err != nil {
		t.Fatal(err)
	}
	changes := `
		SELECT count(*) FROM state_change s JOIN package p ON p.id = s.package_id JOIN collection c ON c.id = p.collection_id
		WHERE c.name = $1`
	if master, branch := w.Number(changes, "f44"), w.Number(changes, "f43"); master != 1 || branch != 2 {
		t.Errorf("%d transitions of the master and %d of the branch, want 1 and one more", master, branch)
	}
	w.CheckInvariants()
}

func TestForkCollection(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	addHistory(t, e)
	fork := koschei.Collection{Name: "side", DisplayName: "Side tag", Target: "side", DestTag: "side", BuildTag: "side"}
	got, err := e.ForkCollection(t.Context(), e.author, "f27", fork)
	e.check(t, got, err, "collection side forked from f27")
	want := []string{"bar complete 4", "foo failed 2"}
	if diff := cmp.Diff(want, e.sql.Lines(`
		SELECT concat_ws(' ', p.name, b.outcome, b.task_id)
		FROM package p JOIN collection c ON c.id = p.collection_id
		JOIN build b ON b.id = p.last_build_id AND b.id = p.last_complete_build_id
		WHERE c.name = 'side' ORDER BY 1`)); diff != "" {
		t.Errorf("last builds of the fork (-want +got):\n%s", diff)
	}
	_, err = e.ForkCollection(t.Context(), e.author, "f27", fork)
	wantError(t, err, koschei.ErrExists, "collection side exists already")
}
