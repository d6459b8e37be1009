package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// candidates returns the collection's packages to resolve.
func (w *world) candidates(dueOnly bool) []depset.Candidate {
	w.t.Helper()
	list, err := w.DB.Candidates(w.t.Context(), w.Collection, dueOnly)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// due returns the names of those that are due.
func (w *world) due() []string {
	w.t.Helper()
	names := []string{}
	for _, c := range w.candidates(true) {
		var name string
		if err := w.Pool.QueryRow(w.t.Context(), `SELECT name FROM package WHERE id = $1`, c.PackageID).Scan(&name); err != nil {
			w.t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

var testRepo = &koschei.Repo{RepoID: 7, CreateEvent: 700, Created: testTime, Solved: testTime}

// store stores verdicts and expects all of them to hold.
func (w *world) store(verdicts ...depset.Verdict) {
	w.t.Helper()
	for i := range verdicts {
		verdicts[i].Hash = hashOf(verdicts[i].Set)
	}
	stale, err := w.Fenced.StoreVerdicts(w.t.Context(), testRepo, verdicts, testTime)
	if err != nil || len(stale) > 0 {
		w.t.Fatalf("StoreVerdicts: %v left out, %v", stale, err)
	}
}

func hashOf(s depset.Set) []byte {
	hash := s.Hash()
	return hash[:]
}

// transitions are the package's, oldest first.
func (w *world) transitions(pkg int64) []string {
	w.t.Helper()
	rows, err := w.Pool.Query(w.t.Context(), `
		SELECT resolved || ' ' || event || ' ' || array_to_string(problems, ', ')
		FROM resolution_change
		WHERE package_id = $1
		ORDER BY id`, pkg)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	list := []string{}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return list
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foo := w.Package("foo")
	built := w.Build(foo, koschei.OutcomeComplete)
	w.BuiltWith(built, pgtest.NEVRA("glibc", "1"))

	c := w.candidates(true)
	if len(c) != 1 || c[0].BuildID != built || !c[0].Due || c[0].SRPMID != 0 || c[0].SetID == 0 || c[0].Awaited {
		t.Fatalf("candidates %+v", c)
	}
	first := w.Set(pgtest.NEVRA("glibc", "2"))
	w.store(depset.Verdict{Candidate: &c[0], Answered: true, Set: first, Priority: 256})
	if got := w.due(); len(got) != 0 {
		t.Errorf("due after it was resolved: %v", got)
	}
	c = w.candidates(false)
	if hash := first.Hash(); !cmp.Equal(c[0].SetHash, hash[:]) || c[0].Priority != 256 || c[0].Resolution != koschei.Resolved {
		t.Errorf("stored %+v", c[0])
	}

	w.store(depset.Verdict{Candidate: &c[0], Answered: true, Problems: []string{"b", "a"}})
	c = w.candidates(false)
	w.store(depset.Verdict{Candidate: &c[0], Answered: true, Problems: []string{"a", "b"}}) // the same reasons
	c = w.candidates(false)
	w.store(depset.Verdict{Candidate: &c[0], Answered: true, Problems: []string{"c"}})
	c = w.candidates(false)
	w.store(depset.Verdict{Candidate: &c[0], Answered: true, Set: w.Set(pgtest.NEVRA("glibc", "3"))})
	want := []string{"true 700 ", "false 700 b, a", "false 700 c", "true 700 "}
	if diff := cmp.Diff(want, w.transitions(foo)); diff != "" {
		t.Errorf("transitions (-want +got):\n%s", diff)
	}
	if state := w.Number(`SELECT count(*) FROM state_change WHERE package_id = $1 AND curr = 'unresolved'`, foo); state != 1 {
		t.Errorf("became unresolved %d times", state)
	}
}

func TestVerdictsOfThePast(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		happen func(w *world, pkg, build int64)
		stale  bool
	}{
		{"nothing", func(*world, int64, int64) {}, false},
		{"a build began", func(w *world, pkg, _ int64) { w.Build(pkg, koschei.OutcomeRunning) }, false},
		{"a build ended", func(w *world, pkg, _ int64) { w.Build(pkg, koschei.OutcomeFailed) }, true},
		{"a build was canceled", func(w *world, pkg, _ int64) { w.Build(pkg, koschei.OutcomeCanceled) }, false},
		{"the build was resolved", func(w *world, _, build int64) { w.BuiltWith(build, pgtest.NEVRA("glibc", "1")) }, true},
		{"its repo is gone", func(w *world, _, build int64) {
			if err := w.Fenced.SaveBuildsUnavailable(w.t.Context(), []int64{build}); err != nil {
				w.t.Fatal(err)
			}
		}, true},
		{"skipped", func(w *world, pkg, _ int64) { w.Exec(`UPDATE package SET skip_resolution = true WHERE id = $1`, pkg) }, true},
		{"blocked", func(w *world, pkg, _ int64) { w.Exec(`UPDATE package SET blocked = true WHERE id = $1`, pkg) }, true},
		{"untracked", func(w *world, pkg, _ int64) { w.Exec(`UPDATE package SET tracked = false WHERE id = $1`, pkg) }, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			pkg := w.Package("foo")
			build := w.Build(pkg, koschei.OutcomeComplete)
			c := w.candidates(false)
			test.happen(w, pkg, build)
			v := depset.Verdict{Candidate: &c[0], Answered: true, Set: w.Set(pgtest.NEVRA("glibc", "2")), Priority: 5}
			v.Hash = hashOf(v.Set)
			left, err := w.Fenced.StoreVerdicts(t.Context(), testRepo, []depset.Verdict{v}, testTime)
			if err != nil {
				t.Fatal(err)
			}
			if stale := len(left) == 1; stale != test.stale {
				t.Errorf("stale %v, want %v", stale, test.stale)
			}
			if written := w.Number(`SELECT count(*) FROM resolution`) == 1; written == test.stale {
				t.Errorf("written %v", written)
			}
		})
	}
}

// Whatever may change what a verdict is about makes the package due.
func TestDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pkg := w.Package("foo")
	w.Build(pkg, koschei.OutcomeComplete)
	resolve := func(c depset.Candidate) {
		w.store(depset.Verdict{Candidate: &c, Answered: true, Set: w.Set(pgtest.NEVRA("glibc", "2"))})
	}
	resolve(w.candidates(true)[0])
	expect := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(append([]string{}, want...), w.due()); diff != "" {
			t.Errorf("due when %s (-want +got):\n%s", what, diff)
		}
	}
	expect("resolved")
	running := w.Build(pkg, koschei.OutcomeRunning)
	expect("a build is running")
	w.BuiltWith(running, pgtest.NEVRA("glibc", "2"))
	expect("a running build was resolved")
	w.Exec(`UPDATE build SET outcome = 'complete', finished = $2 WHERE id = $1`, running, testTime)
	w.Refresh(pkg)
	expect("a build ended", "foo")
	resolve(w.candidates(true)[0])
	expect("resolved again")
	last := w.Build(pkg, koschei.OutcomeFailed)
	c := w.candidates(true)
	if !c[0].Awaited {
		t.Errorf("its last build's set is not awaited")
	}
	resolve(c[0])
	expect("its set is awaited")
	w.BuiltWith(last, pgtest.NEVRA("glibc", "2"))
	expect("it is there", "foo")
}

// What a verdict says of a package is in one row, and does not touch another.
func TestVerdictWritesLittle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pkg := w.Package("foo")
	w.BuiltWith(w.Build(pkg, koschei.OutcomeComplete), pgtest.NEVRA("glibc", "1"))
	answer := func(version string, priority int) {
		t.Helper()
		c := w.candidates(false)
		w.store(depset.Verdict{Candidate: &c[0], Answered: true, Set: w.Set(pgtest.NEVRA("glibc", version)), Priority: priority})
	}
	answer("2", 128)
	version := func() int64 { return w.Number(`SELECT xmin::text::bigint FROM package WHERE id = $1`, pkg) }
	before := version()
	answer("3", 256)
	if version() != before {
		t.Error("the package's own row was written for an answer that is as good as the one before")
	}
	if n := w.Number(`SELECT dependency_priority FROM resolution WHERE package_id = $1`, pkg); n != 256 {
		t.Errorf("its dependency priority is %d, want 256", n)
	}
	if n := w.Number(`SELECT count(*) FROM dependency_set`); n != 1 {
		t.Errorf("%d sets, want that of the build alone", n)
	}
}

func TestBuildUnresolved(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change string
		want   int64
	}{
		{"its last build", `UPDATE package SET build_priority = 0 WHERE id = $1`, 3000},
		{"skipped", `UPDATE package SET skip_resolution = true WHERE id = $1`, 0},
		{"untracked", `UPDATE package SET tracked = false WHERE id = $1`, 0},
		{"not the last", `UPDATE package SET last_build_id = NULL WHERE id = $1`, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			pkg := w.Package("foo")
			build := w.Build(pkg, koschei.OutcomeFailed)
			w.Exec(test.change, pkg)
			if err := w.Fenced.SaveBuildsUnresolved(t.Context(), []int64{build}, 3000); err != nil {
				t.Fatal(err)
			}
			if got := w.Number(`SELECT build_priority FROM package WHERE id = $1`, pkg); got != test.want {
				t.Errorf("build priority %d, want %d", got, test.want)
			}
		})
	}
}

func TestPendingBuilds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pkg := w.Package("foo")
	older, newer := w.Build(pkg, koschei.OutcomeComplete), w.Build(pkg, koschei.OutcomeRunning)
	w.Exec(`UPDATE build SET repo_id = 2 WHERE id = $1`, newer)
	w.Exec(`INSERT INTO srpm (name, version, release, build_requires) VALUES ('foo', '1', '1', '{gcc}')`)
	repos, err := w.DB.PendingRepos(t.Context())
	want := []record.PendingRepo{{w.Collection, 2, 1}, {w.Collection, 1, 1}}
	if diff := cmp.Diff(want, repos); diff != "" || err != nil {
		t.Errorf("pending repos (%v) (-want +got):\n%s", err, diff)
	}
	builds, err := w.DB.PendingBuilds(t.Context(), w.Collection, 1)
	wantBuilds := []record.PendingBuild{{
		BuildID: older, Name: "foo", EVR: rpm.EVR{Version: "1", Release: "1"}, Hub: koschei.Primary,
		SRPMKnown: true, Needs: record.Needs{BuildRequires: []string{"gcc"}},
	}}
	if diff := cmp.Diff(wantBuilds, builds); diff != "" || err != nil {
		t.Errorf("pending builds (%v) (-want +got):\n%s", err, diff)
	}
}

func TestStoreRepo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tried, untried, blocked := w.Package("tried"), w.Package("untried"), w.Package("blocked")
	for _, pkg := range []int64{tried, untried, blocked} {
		w.Build(pkg, koschei.OutcomeComplete)
	}
	w.Exec(`UPDATE package SET resolved_build_id = last_complete_build_id`)
	w.Exec(`UPDATE package SET blocked = true WHERE id = $1`, blocked)
	store := func(id, event int64, resolved koschei.Resolution, problems ...string) {
		t.Helper()
		ids, err := w.DB.Sets.Intern(t.Context(), []rpm.NEVRA{pgtest.NEVRA("glibc", "1"), pgtest.NEVRA("glibc", "2")})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Fenced.StoreRepo(t.Context(), &record.RepoReport{
			Repo: koschei.Repo{
				CollectionID: w.Collection, RepoID: id, CreateEvent: event, Created: testTime, Solved: testTime,
				Resolved: resolved, Problems: problems,
			},
			Changes:    []depset.SourceChange{{Source: "glibc", Prev: ids[:1], Curr: ids[1:]}},
			Unanswered: []int64{untried},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	latest := func() int64 { return w.Number(`SELECT latest_repo_id FROM collection`) }

	store(7, 700, koschei.Unresolved, "no gcc")
	if got := w.due(); len(got) != 0 {
		t.Errorf("due after a broken buildroot: %v", got)
	}
	store(8, 800, koschei.Resolved)
	store(8, 800, koschei.Resolved)
	if diff := cmp.Diff([]string{"untried"}, w.due()); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	w.Exec(`UPDATE repo SET end_event = 850 WHERE repo_id = 8`)
	store(8, 800, koschei.Resolved)
	if got := w.Number(`SELECT end_event FROM repo WHERE repo_id = 8`); got != 850 {
		t.Errorf("repo 8 is exact up to event %d, want 850, as was heard while it was resolved", got)
	}
	store(9, 650, koschei.Unresolved) // made of the past
	if got := latest(); got != 8 {
		t.Errorf("latest repo %d, want 8", got)
	}
	w.Exec(`UPDATE package SET blocked = false`)
	if diff := cmp.Diff([]string{"untried", "blocked"}, w.due()); diff != "" {
		t.Errorf("due after unblocking (-want +got):\n%s", diff)
	}
	if n := w.Number(`SELECT count(*) FROM repo_change`); n != 3 {
		t.Errorf("%d changes stored, want one for each repo", n)
	}
	want := []string{"ok unresolved 7", "unresolved ok 8"}
	if diff := cmp.Diff(want, w.Lines(`SELECT concat_ws(' ', before, after, repo_id) FROM event WHERE kind = 'collection state' ORDER BY id`)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
