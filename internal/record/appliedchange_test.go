package record_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// changes prints the applied changes of a build, one a line.
func (w *world) changes(build int64) []string {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `
		SELECT coalesce(p.name || ' ' || p.version, 'none') || ' -> ' || coalesce(c.name || ' ' || c.version, 'none') || ' at ' || d.distance
		FROM applied_change a
		CROSS JOIN LATERAL unnest(a.prev, a.curr, a.distance) WITH ORDINALITY AS d (prev, curr, distance, n)
		LEFT JOIN nevra p ON p.id = d.prev
		LEFT JOIN nevra c ON c.id = d.curr
		WHERE a.build_id = $1
		ORDER BY d.n`, build)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, line)
	}
	return list
}

func TestSaveBuildDependencies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pkg := w.pkg("foo")
	first, second, canceled, third := w.build(pkg, "complete"), w.build(pkg, "complete"), w.build(pkg, "canceled"), w.build(pkg, "failed")

	// The builds are resolved out of order.
	w.builtWith(first, nevra("glibc", "1"), nevra("gcc", "1"), nevra("old", "1"))
	w.builtWith(third, nevra("glibc", "3"), nevra("gcc", "1"), nevra("new", "1"))
	w.builtWith(canceled, nevra("glibc", "9"))
	want := []string{"glibc 1 -> glibc 3 at 1", "none -> new 1 at 3", "old 1 -> none at 0"}
	if diff := cmp.Diff(want, w.changes(third)); diff != "" {
		t.Errorf("changes of the third build (-want +got):\n%s", diff)
	}
	w.builtWith(second, nevra("glibc", "2"), nevra("gcc", "1"), nevra("new", "1"))
	want = []string{"glibc 1 -> glibc 2 at 1", "none -> new 1 at 3", "old 1 -> none at 0"}
	if diff := cmp.Diff(want, w.changes(second)); diff != "" {
		t.Errorf("changes of the second build (-want +got):\n%s", diff)
	}
	want = []string{"glibc 2 -> glibc 3 at 1"}
	if diff := cmp.Diff(want, w.changes(third)); diff != "" {
		t.Errorf("changes of the third build, after the second became known (-want +got):\n%s", diff)
	}

	again := []built.BuildDependencies{{BuildID: first, Set: w.set(nevra("other", "1"))}, {BuildID: 1 << 40}}
	if stored, err := w.fenced.SaveBuildDependencies(t.Context(), again); err != nil || stored != 0 {
		t.Errorf("a second time, and a build that is not there: %v, %v; want nothing stored", stored, err)
	}
}

// A build that turns out not to count, after one that came later was compared
// with it, is left out; one that counts after all is put back in.
func TestComparedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pkg := w.pkg("foo")
	first, second, third := w.build(pkg, "complete"), w.build(pkg, "running"), w.build(pkg, "complete")
	w.builtWith(first, nevra("glibc", "1"))
	w.builtWith(second, nevra("glibc", "2"))
	w.builtWith(third, nevra("glibc", "3"))
	for _, step := range []struct {
		build int64
		end   koschei.Outcome
		want  []string
	}{
		{second, "running", []string{"glibc 2 -> glibc 3 at 1"}},
		{second, "lost", []string{"glibc 1 -> glibc 3 at 1"}},
		{second, "complete", []string{"glibc 2 -> glibc 3 at 1"}},
	} {
		w.report(step.build, step.end)
		if diff := cmp.Diff(step.want, w.changes(third)); diff != "" {
			t.Errorf("changes of the third build when the second is %s (-want +got):\n%s", step.end, diff)
		}
	}

	only := w.pkg("bar")
	before, after := w.build(only, "running"), w.build(only, "complete")
	w.builtWith(before, nevra("glibc", "1"))
	w.builtWith(after, nevra("glibc", "2"))
	w.report(before, "infrastructure")
	if got := w.changes(after); len(got) > 0 {
		t.Errorf("changes of a build that has none before it: %v", got)
	}
}

// report stores what becomes of a build.
func (w *world) report(build int64, outcome koschei.Outcome) {
	w.t.Helper()
	r := record.BuildReport{BuildID: build, Outcome: outcome}
	if outcome.Ended() {
		r.Finished = testTime
	}
	if _, err := w.db.SaveBuildReport(w.t.Context(), r, koschei.DefaultPriorityRules(), testTime); err != nil {
		w.t.Fatal(err)
	}
}

// Two builds with equal inputs have equal identities and share one set.
func TestInputIdentityOfBuilds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pkg, other := w.pkg("foo"), w.pkg("bar")
	first, again, different, elsewhere := w.build(pkg, "failed"), w.build(pkg, "complete"), w.build(pkg, "complete"), w.build(other, "complete")
	w.builtWith(first, nevra("glibc", "1"))
	w.builtWith(again, nevra("glibc", "1"))
	w.builtWith(different, nevra("glibc", "2"))
	w.builtWith(elsewhere, nevra("glibc", "1"))
	if n := w.number(`SELECT count(*) FROM dependency_set`); n != 2 {
		t.Errorf("%d sets are stored, want 2", n)
	}
	if n := w.number(`SELECT count(DISTINCT input_identity) FROM build`); n != 3 {
		t.Errorf("%d input identities, want 3", n)
	}
	if n := w.number(`SELECT count(DISTINCT input_identity) FROM build WHERE id = ANY($1)`, []int64{first, again}); n != 1 {
		t.Errorf("%d input identities of equal builds, want 1", n)
	}
}

func TestAffectedBy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Each package has a complete build with the first version and then one of
	// the given outcome with the second; "-" is without the dependency.
	for _, p := range []struct {
		name, before, after string
		outcome             koschei.Outcome
	}{
		{"across", "1", "5", "failed"},
		{"into", "1", "3", "failed"},
		{"out-of", "3", "5", "failed"},
		{"exact", "2", "4", "failed"},
		{"inside", "2.1", "3", "failed"},
		{"before", "1", "2", "failed"},
		{"behind", "4", "5", "failed"},
		{"down", "4", "2", "failed"},
		{"added", "-", "4", "failed"},
		{"added-later", "-", "5", "failed"},
		{"removed", "2", "-", "failed"},
		{"removed-later", "4", "-", "failed"},
		{"fine", "2", "4", "complete"},
		{"canceled", "2", "4", "canceled"},
		{"untracked", "2", "4", "failed"},
	} {
		pkg := w.pkg(p.name)
		for i, version := range []string{p.before, p.after} {
			set := []rpm.NEVRA{nevra("always", fmt.Sprint(i))}
			if version != "-" {
				set = append(set, nevra("dep", version))
			}
			w.builtWith(w.build(pkg, []koschei.Outcome{"complete", p.outcome}[i]), set...)
		}
	}
	w.exec(`UPDATE package SET tracked = false WHERE name = 'untracked'`)
	failing := w.pkg("was-failing")
	w.builtWith(w.build(failing, "failed"), nevra("dep", "2"))
	w.builtWith(w.build(failing, "infrastructure"), nevra("dep", "3"))
	w.builtWith(w.build(failing, "failed"), nevra("dep", "4"))
	// That a build without a known set was between does not matter, its outcome does.
	gap := w.pkg("gap")
	w.builtWith(w.build(gap, "failed"), nevra("dep", "2"))
	w.build(gap, "complete")
	w.builtWith(w.build(gap, "failed"), nevra("dep", "4"))

	evr := func(version string) rpm.EVR { return rpm.EVR{Version: version, Release: "1"} }
	for _, test := range []struct {
		from, to string
		want     []string
	}{
		{"2", "4", []string{
			"gap: 2 -> 4 at 1",
			"added: none -> 4 at 2", "inside: 2.1 -> 3 at 2", "exact: 2 -> 4 at 2",
			"out-of: 3 -> 5 at 2", "into: 1 -> 3 at 2", "across: 1 -> 5 at 2",
			"removed: 2 -> none at 0",
		}},
		{"4", "2", []string{"down: 4 -> 2 at 2", "removed-later: 4 -> none at 0"}},
		{"2", "2", nil},
		{"8", "9", nil},
	} {
		affected, err := w.db.AffectedBy(t.Context(), "f43", "dep", evr(test.from), evr(test.to), 100)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, a := range affected {
			lines = append(lines, fmt.Sprintf("%s: %s -> %s at %d",
				a.Package, versionOf(a.Change.Prev), versionOf(a.Change.Curr), a.Change.Distance))
		}
		if diff := cmp.Diff(test.want, lines); diff != "" {
			t.Errorf("affected by dep from %s to %s (-want +got):\n%s", test.from, test.to, diff)
		}
	}
	if _, err := w.db.AffectedBy(t.Context(), "f99", "dep", evr("1"), evr("2"), 1); !errors.Is(err, koschei.ErrNotFound) {
		t.Errorf("another collection: %v, want ErrNotFound", err)
	}
	limited, err := w.db.AffectedBy(t.Context(), "f43", "dep", evr("2"), evr("4"), 2)
	if err != nil || len(limited) != 2 {
		t.Errorf("limited to 2: %d (%v)", len(limited), err)
	}
}

func versionOf(n *rpm.NEVRA) string {
	if n == nil {
		return "none"
	}
	return n.Version
}

// A build that ends after its dependencies were stored is found all the same.
func TestAffectedByBuildThatFailsLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pkg := w.pkg("foo")
	w.builtWith(w.build(pkg, "complete"), nevra("dep", "1"))
	running := w.build(pkg, "running")
	w.builtWith(running, nevra("dep", "2"))
	w.exec(`UPDATE build SET outcome = 'failed', finished = $2 WHERE id = $1`, running, testTime)
	w.refresh(pkg)
	affected, err := w.db.AffectedBy(t.Context(), "f43", "dep", rpm.EVR{Version: "1", Release: "1"}, rpm.EVR{Version: "2", Release: "1"}, 10)
	if err != nil || len(affected) != 1 || affected[0].Build.ID != running {
		t.Errorf("affected are %v (%v), want build %d", affected, err, running)
	}
}
