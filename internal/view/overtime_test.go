package view_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
)

// end notes the states of packages after their builds, as services do.
func end(t *testing.T, w *pgtest.Sample, now time.Time, packages ...int64) {
	t.Helper()
	err := w.DB.PG.Transact(t.Context(), func(tx pgx.Tx) error { return settle.Packages(t.Context(), tx, packages, now) })
	if err != nil {
		t.Fatal(err)
	}
}

func TestStateChanges(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	day := func(n int) time.Time { return pgtest.SampleTime().AddDate(0, 0, n) }
	broke, mended, both, still, blocked := w.Package("broke"), w.Package("mended"), w.Package("both"), w.Package("still"), w.Package("blocked")
	for _, p := range []struct {
		id       int64
		outcomes []koschei.Outcome // by day
	}{
		{broke, []koschei.Outcome{"complete", "complete", "failed"}},
		{mended, []koschei.Outcome{"failed", "failed", "complete"}},
		{both, []koschei.Outcome{"complete", "failed", "complete"}},
		{still, []koschei.Outcome{"failed", "failed", "failed"}},
		{blocked, []koschei.Outcome{"complete", "failed", "failed"}},
	} {
		for n, outcome := range p.outcomes {
			w.Build(p.id, outcome)
			end(t, w, day(n), p.id)
		}
	}
	w.Exec(`UPDATE package SET blocked = true WHERE id = $1`, blocked)
	changes, err := w.DB.Timeline.Since(t.Context(), w.Collection, day(1), 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []view.StateChange{
		{PackageID: broke, Package: "broke", Before: koschei.StateOK, State: koschei.StateFailing, Since: day(2), Changes: 1},
		{PackageID: mended, Package: "mended", Before: koschei.StateFailing, State: koschei.StateOK, Since: day(2), Changes: 1},
	}
	if diff := cmp.Diff(want, changes, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("since the second day (-want +got):\n%s", diff)
	}
	if c := changes; !c[0].Broke() || c[0].Mended() || c[1].Broke() || !c[1].Mended() {
		t.Errorf("what broke and what was mended: %+v", c)
	}
	first, err := w.DB.Timeline.Since(t.Context(), w.Collection, day(0), 1)
	if err != nil || len(first) != 1 {
		t.Errorf("%d changes (%v), want the one asked for", len(first), err)
	}
}

func TestStateCounts(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	hour := func(n int) time.Time { return pgtest.SampleTime().Add(time.Duration(n) * time.Hour) }
	ok, failing, running := w.Package("ok"), w.Package("failing"), w.Package("running")
	w.Build(ok, "complete")
	w.Build(failing, "failed")
	w.Exec(`UPDATE package SET resolution = 'resolved'`)
	ranking := schema.Ranking{Rules: koschei.DefaultPriorityRules(), Now: hour(2)}
	count := func(now time.Time, hourly bool) {
		t.Helper()
		ranking.Now = now
		var err error
		if hourly {
			err = w.DB.CountStatesHourly(t.Context(), ranking)
		} else {
			err = w.DB.CountStates(t.Context(), w.Collection, ranking)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	count(hour(2), true)
	w.Build(running, "running")
	w.Exec(`INSERT INTO resolution (package_id, collection_id, repo_id, dependency_priority) VALUES ($1, $2, 1, 100000)`, ok, w.Collection)
	count(hour(2).Add(time.Minute), true) // counted a minute ago
	count(hour(3), false)
	count(hour(4), true)
	want := []view.StateCount{
		{At: hour(2), RepoID: 1, OK: 1, Failing: 1, Unknown: 1},
		{At: hour(4), RepoID: 1, OK: 1, Failing: 1, Unknown: 1, Running: 1, Due: 1},
	}
	got, err := w.DB.Timeline.StateCounts(t.Context(), w.Collection, hour(2), 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	want[0].At = hour(3) // the last of its step
	want[0].Running, want[0].Due = 1, 1
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("counts of every two hours (-want +got):\n%s", diff)
	}
	got, err = w.DB.Timeline.StateCountsBefore(t.Context(), w.Collection, []time.Time{hour(3), hour(1)})
	want = []view.StateCount{{At: hour(2), RepoID: 1, OK: 1, Failing: 1, Unknown: 1}, {At: hour(1)}}
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); err != nil || diff != "" {
		t.Errorf("counts before a time: %v (-want +got):\n%s", err, diff)
	}
	if c := got[0]; c.Of(koschei.StateOK) != 1 || c.Of(koschei.StateBlocked) != 0 {
		t.Errorf("of a state: %+v", c)
	}
}

func TestUsualTimes(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	foo, never := w.Package("foo"), w.Package("never")
	for n, minutes := range []int{10, 30, 20, 500} {
		outcome := koschei.OutcomeComplete
		if minutes == 500 {
			outcome = koschei.OutcomeFailed // tells nothing of the usual time
		}
		b := w.Build(foo, outcome)
		w.Exec(`INSERT INTO build_task (build_id, task_id, method, arch, state, started, finished) VALUES
			($1, 1, 'rebuildSRPM', 'noarch', 'closed', $2, $2),
			($1, 2, 'buildArch', 'x86_64', 'closed', $2, $3),
			($1, 3, 'buildArch', 'aarch64', $4, $2, $3)`,
			b, pgtest.SampleTime(), pgtest.SampleTime().Add(time.Duration(minutes)*time.Minute), []string{"closed", "canceled"}[min(n, 1)])
	}
	got, err := w.DB.Builds.UsualTimes(t.Context(), []int64{foo, never})
	want := map[int64][]view.UsualTime{foo: {{Arch: "aarch64", Median: 10 * time.Minute, Builds: 1}, {Arch: "x86_64", Median: 20 * time.Minute, Builds: 3}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("usual times: %v (-want +got):\n%s", err, diff)
	}
}

func TestEndedBuilds(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	foo := w.Package("foo")
	for _, outcome := range []koschei.Outcome{"complete", "failed", "canceled", "complete", "running"} {
		w.Build(foo, outcome) // an hour after the one before
	}
	w.Exec(`UPDATE build SET finished = finished - interval '1 hour' WHERE outcome = 'failed'`)
	hour := func(n int) time.Time { return pgtest.SampleTime().Add(time.Duration(n) * time.Hour) }
	for _, collection := range []int64{0, w.Collection, w.Collection + 1} {
		got, err := w.DB.Builds.EndedBuilds(t.Context(), collection, pgtest.SampleTime())
		want := []view.EndedHour{{Hour: hour(1), Complete: 1, Failed: 1}, {Hour: hour(3), Faults: 1}, {Hour: hour(4), Complete: 1}}
		if collection > w.Collection {
			want = nil
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0), cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("builds of collection %d that ended: %v (-want +got):\n%s", collection, err, diff)
		}
	}
}

func TestSameInput(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	foo := w.Package("foo")
	first, canceled, other, again := w.Build(foo, "complete"), w.Build(foo, "canceled"), w.Build(foo, "complete"), w.Build(foo, "failed")
	for _, b := range []int64{first, canceled, again} {
		w.BuiltWith(b, pgtest.NEVRA("glibc", "1"))
	}
	w.BuiltWith(other, pgtest.NEVRA("glibc", "2"))
	unknown := w.Build(foo, "failed")
	for build, want := range map[int64]int64{first: 0, other: 0, again: first, unknown: 0} {
		page, err := w.DB.Builds.Compare(t.Context(), view.Pair{B: build})
		if err != nil {
			t.Fatal(err)
		}
		var got int64
		if page.Same != nil {
			got = page.Same.ID
		}
		if got != want {
			t.Errorf("build %d had the input of %d, want %d", build, got, want)
		}
	}
}
