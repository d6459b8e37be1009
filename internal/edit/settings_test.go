package edit_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
)

func TestApplySettings(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	want := &schema.Settings{
		Groups: []schema.GroupSettings{
			{FullName: "all", Packages: []string{"bar", "foo"}, Maintainers: []string{"one", "two"}},
			{FullName: "someone/mine", Packages: []string{}, Maintainers: []string{}},
		},
		Priorities: []schema.PrioritySettings{
			{Collection: "f27", Package: "bar", Manual: 20},
			{Collection: "f27", Package: "foo", Static: 100, Manual: 20},
		},
	}
	e.author.DryRun = true
	changes, err := e.ApplySettings(t.Context(), e.author, want)
	if err != nil || len(changes) == 0 {
		t.Fatalf("dry run: %q, %v", changes, err)
	}
	e.author.DryRun = false
	if audit := e.sql.Lines(`SELECT message FROM audit WHERE message LIKE 'group%'`); len(audit) > 0 {
		t.Errorf("a dry run is in the audit log: %q", audit)
	}
	for range 2 {
		if _, err := e.ApplySettings(t.Context(), e.author, want); err != nil {
			t.Fatal(err)
		}
		got, err := e.Settings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("settings (-want +got):\n%s", diff)
		}
	}

	less := &schema.Settings{
		Groups:     []schema.GroupSettings{{FullName: "all", Packages: []string{"foo"}, Maintainers: []string{"two"}}},
		Priorities: []schema.PrioritySettings{{Collection: "f27", Package: "foo"}, {Collection: "f27", Package: "nosuch"}},
	}
	if _, err := e.ApplySettings(t.Context(), e.author, less); !errors.Is(err, koschei.ErrNotFound) {
		t.Errorf("an unknown package: %v, want %v", err, koschei.ErrNotFound)
	}
	less.Priorities = less.Priorities[:1]
	changes, err = e.ApplySettings(t.Context(), e.author, less)
	if err != nil {
		t.Fatal(err)
	}
	wantChanges := []string{
		"package foo (collection f27): static priority changed from 100 to 0",
		"package foo (collection f27): manual priority changed from 20 to 0",
		"package bar removed from group all",
		"user one is no longer a maintainer of group all",
	}
	if diff := cmp.Diff(wantChanges, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}
