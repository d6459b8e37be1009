package view_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

func TestPackagesNamed(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	for _, name := range []string{"bar", "baz", "foo"} {
		w.Package(name)
	}
	author := audit.Act{Actor: koschei.Actor{Name: "someone", From: koschei.FromAdmin, Admin: true}, Now: pgtest.SampleTime()}
	if _, err := w.DB.SetPriority(t.Context(), author, "f43", []string{"foo"}, edit.StaticPriority, 7); err != nil {
		t.Fatal(err)
	}
	packages, err := w.DB.Packages.Named(t.Context(), "f43", []string{"foo", "bar", "foo"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range packages {
		got = append(got, p.Name)
	}
	if diff := cmp.Diff([]string{"bar", "foo"}, got); diff != "" || packages[1].StaticPriority != 7 || !packages[1].Tracked {
		t.Errorf("packages %+v (-want +got):\n%s", packages, diff)
	}
	if _, err := w.DB.Packages.Named(t.Context(), "f43", []string{"foo", "nosuch"}); !errors.Is(err, koschei.ErrNotFound) {
		t.Errorf("an unknown package: %v, want %v", err, koschei.ErrNotFound)
	}
}
