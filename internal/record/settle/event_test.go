package settle_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Each fact is an event, told once.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	foo := w.Package("foo")
	rules := koschei.DefaultPriorityRules()
	report := func(r record.BuildReport) {
		t.Helper()
		for range 2 { // what is heard again is no other fact
			if _, err := w.DB.SaveBuildReport(t.Context(), r, rules, pgtest.SampleTime()); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := w.Build(foo, koschei.OutcomeRunning)
	report(record.BuildReport{BuildID: first, Outcome: koschei.OutcomeFailed, Finished: pgtest.SampleTime()})
	second := w.Build(foo, koschei.OutcomeRunning)
	report(record.BuildReport{BuildID: second, Outcome: koschei.OutcomeCanceled, Finished: pgtest.SampleTime()})
	c := &koschei.Collection{ID: w.Collection}
	if _, err := w.DB.Tags.AddRealBuilds(t.Context(), []record.RealBuild{{
		PackageID: foo, Hub: koschei.Primary, KojiBuildID: 7, Event: 100, EVR: rpm.EVR{Version: "2", Release: "1"},
		Started: pgtest.SampleTime(), Finished: pgtest.SampleTime(),
	}}, pgtest.SampleTime()); err != nil {
		t.Fatal(err)
	}
	tagged := []record.TaggedBuild{{Name: "foo", KojiBuildID: 8, Event: 90, EVR: rpm.EVR{Version: "1", Release: "1"}}}
	for range 2 {
		if _, err := w.DB.Tags.SaveTagged(t.Context(), c, koschei.Primary, tagged, nil, 200, pgtest.SampleTime()); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"package state f43/foo untracked failing -",
		"build ended f43/foo running failed 1",
		"build ended f43/foo running canceled 2",
		"package state f43/foo failing ok -",
		"build ended f43/foo  complete 3",
		"untagged f43/foo   3",
		"package state f43/foo ok failing -",
	}
	got := w.Lines(`
		SELECT format('%s %s/%s %s %s %s', kind, collection, package, before, after, coalesce(build_id::text, '-'))
		FROM event
		ORDER BY id`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
