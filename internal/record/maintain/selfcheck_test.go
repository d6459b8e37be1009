package maintain_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

// The source of a scratch build is at the secondary hub if its collection is in
// secondary mode, though the build ran at the primary one.
func TestWaitingInSecondaryMode(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	w.Exec(`UPDATE collection SET secondary_mode = true WHERE id = $1`, w.Collection)
	w.Build(w.Package("foo"), koschei.OutcomeComplete)
	expect := func(what string, waiting func(context.Context, int) ([]maintain.Waiting, error), want ...string) {
		t.Helper()
		found, err := waiting(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for i := range found {
			names = append(names, found[i].Name)
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	save := func(hub koschei.Hub) {
		t.Helper()
		err := w.DB.Sources.SaveSRPMs(t.Context(), []record.SRPM{{Source: record.Source{Hub: hub, Name: "foo", Version: "1", Release: "1"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	save(koschei.Primary) // of another foo
	expect("sources, with that of another hub", w.DB.WaitingSources, "foo")
	expect("packages, with the source of another hub", w.DB.WaitingPackages)
	expect("builds, with the source of another hub", w.DB.WaitingDependencies)
	save(koschei.Secondary)
	expect("sources", w.DB.WaitingSources)
	expect("packages", w.DB.WaitingPackages, "foo")
	expect("builds", w.DB.WaitingDependencies, "foo")
}
