package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/built"
)

func TestSaveBuildDependencies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pkg := w.Package("foo")
	first, second, canceled, third := w.Build(pkg, "complete"), w.Build(pkg, "complete"), w.Build(pkg, "canceled"), w.Build(pkg, "failed")

	// The builds are resolved out of order.
	w.BuiltWith(first, pgtest.NEVRA("glibc", "1"), pgtest.NEVRA("gcc", "1"), pgtest.NEVRA("old", "1"))
	w.BuiltWith(third, pgtest.NEVRA("glibc", "3"), pgtest.NEVRA("gcc", "1"), pgtest.NEVRA("new", "1"))
	w.BuiltWith(canceled, pgtest.NEVRA("glibc", "9"), pgtest.NEVRA("gcc", "1"), pgtest.NEVRA("new", "1"))
	want := []string{"glibc 1 -> glibc 3 at 1", "none -> new 1 at 3", "old 1 -> none at 0"}
	if diff := cmp.Diff(want, w.Changes(third)); diff != "" {
		t.Errorf("changes of the third build (-want +got):\n%s", diff)
	}
	w.BuiltWith(second, pgtest.NEVRA("glibc", "2"), pgtest.NEVRA("gcc", "1"), pgtest.NEVRA("new", "1"))
	want = []string{"glibc 1 -> glibc 2 at 1", "none -> new 1 at 3", "old 1 -> none at 0"}
	if diff := cmp.Diff(want, w.Changes(second)); diff != "" {
		t.Errorf("changes of the second build (-want +got):\n%s", diff)
	}
	want = []string{"glibc 2 -> glibc 3 at 1"}
	if diff := cmp.Diff(want, w.Changes(third)); diff != "" {
		t.Errorf("changes of the third build, after the second became known (-want +got):\n%s", diff)
	}
	want = []string{"glibc 2 -> glibc 9 at 1"}
	if diff := cmp.Diff(want, w.Changes(canceled)); diff != "" {
		t.Errorf("changes of a canceled build, after the second became known (-want +got):\n%s", diff)
	}

	again := []built.BuildDependencies{{BuildID: first, Set: w.Set(pgtest.NEVRA("other", "1"))}, {BuildID: 1 << 40}}
	if stored, err := w.Fenced.SaveBuildDependencies(t.Context(), again); err != nil || stored != 0 {
		t.Errorf("a second time, and a build that is not there: %v, %v; want nothing stored", stored, err)
	}
}

// A build that turns out not to count, after one that came later was compared
// with it, is left out; one that counts after all is put back in.
func TestComparedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pkg := w.Package("foo")
	first, second, third := w.Build(pkg, "complete"), w.Build(pkg, "running"), w.Build(pkg, "complete")
	w.BuiltWith(first, pgtest.NEVRA("glibc", "1"))
	w.BuiltWith(second, pgtest.NEVRA("glibc", "2"))
	w.BuiltWith(third, pgtest.NEVRA("glibc", "3"))
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
		if diff := cmp.Diff(step.want, w.Changes(third)); diff != "" {
			t.Errorf("changes of the third build when the second is %s (-want +got):\n%s", step.end, diff)
		}
	}

	only := w.Package("bar")
	before, after := w.Build(only, "running"), w.Build(only, "complete")
	w.BuiltWith(before, pgtest.NEVRA("glibc", "1"))
	w.BuiltWith(after, pgtest.NEVRA("glibc", "2"))
	w.report(before, "infrastructure")
	if got := w.Changes(after); len(got) > 0 {
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
	if _, err := w.DB.SaveBuildReport(w.t.Context(), r, koschei.DefaultPriorityRules(), testTime); err != nil {
		w.t.Fatal(err)
	}
}

// Two builds with equal inputs have equal identities and share one set.
func TestInputIdentityOfBuilds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pkg, other := w.Package("foo"), w.Package("bar")
	first, again, different, elsewhere := w.Build(pkg, "failed"), w.Build(pkg, "complete"), w.Build(pkg, "complete"), w.Build(other, "complete")
	w.BuiltWith(first, pgtest.NEVRA("glibc", "1"))
	w.BuiltWith(again, pgtest.NEVRA("glibc", "1"))
	w.BuiltWith(different, pgtest.NEVRA("glibc", "2"))
	w.BuiltWith(elsewhere, pgtest.NEVRA("glibc", "1"))
	if n := w.Number(`SELECT count(*) FROM dependency_set`); n != 2 {
		t.Errorf("%d sets are stored, want 2", n)
	}
	if n := w.Number(`SELECT count(DISTINCT input_identity) FROM build`); n != 3 {
		t.Errorf("%d input identities, want 3", n)
	}
	if n := w.Number(`SELECT count(DISTINCT input_identity) FROM build WHERE id = ANY($1)`, []int64{first, again}); n != 1 {
		t.Errorf("%d input identities of equal builds, want 1", n)
	}
}
