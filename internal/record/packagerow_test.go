package record_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
)

// TestPackageIsReadWhole reads a package of which everything is set in every way
// there is: they all give the same, and leave nothing out.
func TestPackageIsReadWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Package("foo")
	w.Build(id, koschei.OutcomeComplete)
	w.Exec(`
		UPDATE package
		SET skip_resolution = true, arch_override = '^s390x', static_priority = 1, manual_priority = 2000, build_priority = 3,
			resolution = 'unattempted', state_since = $2, hold_reason = 'nothing to build', hold_until = $2, faults = 4
		WHERE id = $1`, id, testTime)
	w.Exec(`
		INSERT INTO silent_source (hub, name, version, release, tries, none, again)
		SELECT hub, 'foo', version, release, 1, true, $2
		FROM build
		WHERE package_id = $1`, id, testTime)
	w.Exec(`INSERT INTO resolution (package_id, collection_id, repo_id, dependency_priority) VALUES ($1, $2, 1, 5)`, id, w.Collection)
	ranking := schema.Ranking{Rules: koschei.DefaultPriorityRules(), Now: testTime.Add(time.Hour)}
	page, err := w.DB.Packages.Page(t.Context(), "foo", w.Collection, view.HistoryQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := w.DB.Packages.List(t.Context(), view.PackageFilter{Collections: []int64{w.Collection}}, nil, view.Span{Limit: 1}, ranking)
	if err != nil || len(list) != 1 {
		t.Fatalf("PackageList: %d packages (%v), want 1", len(list), err)
	}
	named, err := w.DB.Packages.Named(t.Context(), "f43", []string{"foo"})
	if err != nil {
		t.Fatal(err)
	}
	due, err := w.DB.Schedulable(t.Context(), w.Collection, ranking, 1)
	if err != nil || len(due) != 1 {
		t.Fatalf("Schedulable: %d packages (%v), want 1", len(due), err)
	}
	empty(t, reflect.ValueOf(*page.Package))
	for name, got := range map[string]koschei.PackageStatus{"PackageList": list[0].PackageStatus, "PackagesNamed": named[0], "Schedulable": due[0]} {
		if diff := cmp.Diff(*page.Package, got); diff != "" {
			t.Errorf("%s differs from the package page (-page +other):\n%s", name, diff)
		}
	}
}

// empty names the fields of a struct that are not set. A blocked package would
// not be read.
func empty(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		switch f := v.Type().Field(i); {
		case f.Anonymous:
			empty(t, v.Field(i))
		case f.Name != "Blocked" && v.Field(i).IsZero():
			t.Errorf("%s is stored and was not read", f.Name)
		}
	}
}
