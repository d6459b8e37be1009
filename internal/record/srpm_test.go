package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record"
)

// What an earlier version stored of a source without its conflicts is asked for
// once more, and completed.
func TestFactsAreCompleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Build(w.Package("foo"), koschei.OutcomeComplete)
	w.Exec(`INSERT INTO srpm (name, version, release, build_requires) VALUES ('foo', '1', '1', '{gcc}')`)
	missing := func() []record.Source {
		t.Helper()
		missing, err := w.DB.Sources.MissingSRPMs(t.Context(), w.Collection, 0, testTime)
		if err != nil {
			t.Fatal(err)
		}
		return missing
	}
	source := record.Source{Hub: koschei.Primary, Name: "foo", Version: "1", Release: "1"}
	if diff := cmp.Diff([]record.Source{source}, missing()); diff != "" {
		t.Fatalf("missing (-want +got):\n%s", diff)
	}
	known := record.Needs{BuildRequires: []string{"gcc"}, BuildConflicts: []string{"bar"}, Whole: true}
	for range 2 {
		if err := w.DB.Sources.SaveSRPMs(t.Context(), []record.SRPM{{Source: source, Needs: known}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := missing(); len(got) != 0 {
		t.Errorf("still missing: %v", got)
	}
	srpm, err := w.DB.Sources.SRPM(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(known, srpm.Needs); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}
