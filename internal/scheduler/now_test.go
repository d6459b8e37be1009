package scheduler

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

func TestSubmitNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.MaxBuilds = 0 // no place is free
	f.SetPackages(pgtest.ManualPriority(-1000))
	collection, err := f.DB.Collection(t.Context(), "f40")
	if err != nil {
		t.Fatal(err)
	}
	packages, err := f.stage.Store.Packages.Named(t.Context(), "f40", []string{"foo", "mainframe"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	note := func(p *koschei.PackageStatus, err error) {
		if err != nil {
			got = append(got, p.Name+": "+err.Error())
		} else {
			got = append(got, p.Name+" submitted")
		}
	}
	if err := f.SubmitNow(t.Context(), collection, packages, note); err != nil {
		t.Fatal(err)
	}
	want := []string{"foo submitted", "mainframe: there is no architecture to build it for"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"foo running 3:1-1 x86_64 aarch64"}, f.builds(t)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	if n := len(f.tasks(t)); n != 1 {
		t.Errorf("the hub has %d builds, want 1", n)
	}

	var second error
	err = f.SubmitNow(t.Context(), collection, packages[:1], func(_ *koschei.PackageStatus, err error) { second = err })
	if err != nil || !errors.Is(second, koschei.ErrConflict) {
		t.Errorf("a second build at once: %v, %v, want %v", err, second, koschei.ErrConflict)
	}

	collection.LatestRepoResolved = koschei.Unresolved
	if err := f.SubmitNow(t.Context(), collection, packages, note); !errors.Is(err, koschei.ErrInvalid) {
		t.Errorf("without a buildroot: %v, want %v", err, koschei.ErrInvalid)
	}
}
