package record_test

import (
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/view"
)

// A build whose repo the hub chooses is lost before that is known, and turns up
// again: now it can be found out what it was made with.
func TestLostBuildTurnsUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foo := w.Package("foo")
	w.Build(foo, koschei.OutcomeComplete)
	build, err := w.DB.BeginSubmission(t.Context(), record.Submission{
		PackageID: foo, EVR: rpm.EVR{Version: "1", Release: "1"}, Event: 10, Arches: "x86_64", Now: testTime,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		report record.BuildReport
		want   koschei.DepsState
	}{
		{record.BuildReport{Outcome: koschei.OutcomeLost, Finished: testTime, Fault: "Koji has no task for it"}, koschei.DepsUnavailable},
		{record.BuildReport{Outcome: koschei.OutcomeRunning, TaskID: 77}, koschei.DepsUnavailable},
		{record.BuildReport{Outcome: koschei.OutcomeComplete, Finished: testTime, TaskID: 77, RepoID: 5}, koschei.DepsPending},
	} {
		step.report.BuildID = build
		if _, err := w.DB.SaveBuildReport(t.Context(), step.report, koschei.DefaultPriorityRules(), testTime); err != nil {
			t.Fatal(err)
		}
		compared, err := w.DB.Builds.Compare(t.Context(), view.Pair{B: build})
		if err != nil {
			t.Fatal(err)
		}
		page := compared.B
		if page.Outcome != step.report.Outcome || page.Deps != step.want {
			t.Errorf("after the report %s the build is %s and its dependencies %s, want %s", step.report.Outcome, page.Outcome, page.Deps, step.want)
		}
	}
}
