package edit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

func ptr[T any](v T) *T { return &v }

func by(name string) audit.Act {
	return audit.Act{Actor: koschei.Actor{Name: name, From: koschei.FromFrontend}, Now: noon}
}

// revision is what a form of package foo would show.
func (e *editor) revision(t *testing.T) *int64 {
	t.Helper()
	s, err := e.Packages.Settings(t.Context(), "f27", "foo")
	if err != nil {
		t.Fatal(err)
	}
	return &s.Revision
}

// Of two people who change the same field the later is told of the earlier; who
// changes another field, or wants the same, is not.
func TestClash(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	seen := e.revision(t)
	change := func(who string, since *int64, p edit.PackageEdit) error {
		p.Collection, p.Name, p.Revision = "f27", "foo", since
		_, err := e.EditPackage(t.Context(), by(who), p)
		return err
	}
	for _, err := range []error{
		change("jdoe", seen, edit.PackageEdit{ManualPriority: ptr(200)}),
		change("ann", seen, edit.PackageEdit{ArchOverride: ptr("x86_64")}),
		change("ann", seen, edit.PackageEdit{ManualPriority: ptr(200)}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	err := change("ann", seen, edit.PackageEdit{ManualPriority: ptr(100), Tracked: ptr(false)})
	var clash *edit.Clash
	if !errors.As(err, &clash) || !errors.Is(err, koschei.ErrConflict) || clash.By != "jdoe" || clash.Is != "200" || clash.Yours != "100" {
		t.Fatalf("got %v, want that jdoe was faster", err)
	}
	if want := "jdoe set the manual priority to 200 at 2026-11-20 12:00; yours is 100"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if got := e.sql.Lines(`SELECT tracked || ' ' || manual_priority FROM package WHERE name = 'foo'`)[0]; got != "true 200" {
		t.Errorf("tracked and priority are %s: half of a change was made", got)
	}
	if err := change("ann", &clash.Revision, edit.PackageEdit{ManualPriority: ptr(100)}); err != nil {
		t.Errorf("set anyway: %v", err)
	}
	audited := e.sql.Lines(`SELECT actor || ' ' || field || ' ' || was || ' ' || became FROM audit WHERE field = 'manual_priority' ORDER BY id`)
	if fmt.Sprint(audited) != "[jdoe manual_priority 0 200 ann manual_priority 200 100]" {
		t.Errorf("the audit log has %q", audited)
	}
}

// Somebody who changes what a group has is told of who did meanwhile.
func TestGroupClash(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	if _, err := e.CreateGroup(t.Context(), by("ann"), "ann/tea", []string{"foo"}, []string{"jdoe"}); err != nil {
		t.Fatal(err)
	}
	g, err := e.GroupSettings(t.Context(), "ann", "tea")
	if err != nil {
		t.Fatal(err)
	}
	change := func(who string, since int64, c edit.GroupEdit) error {
		c.Revision = &since
		_, err := e.EditGroup(t.Context(), by(who), "ann/tea", c)
		return err
	}
	if err := change("jdoe", g.Revision, edit.GroupEdit{Packages: &[]string{"foo", "bar"}}); err != nil {
		t.Fatal(err)
	}
	var clash *edit.GroupClash
	err = change("ann", g.Revision, edit.GroupEdit{Packages: &[]string{"foo"}})
	if !errors.As(err, &clash) || err.Error() != "jdoe changed group ann/tea at 2026-11-20 12:00, lastly so: package bar added to group ann/tea" {
		t.Fatalf("got %v, want that jdoe was faster", err)
	}
	if err := change("ann", g.Revision, edit.GroupEdit{OnlyMaintainers: &[]string{"ann"}}); err != nil {
		t.Errorf("maintainers, which nobody else changed: %v", err)
	}
	if err := change("ann", clash.Revision, edit.GroupEdit{Packages: &[]string{"foo"}}); err != nil {
		t.Errorf("set anyway: %v", err)
	}
	if g, err = e.GroupSettings(t.Context(), "ann", "tea"); err != nil || fmt.Sprint(g.Packages, g.Maintainers) != "[foo] [ann]" {
		t.Errorf("the group has %v, %v", g, err)
	}
}

// A right that maintainers have is that of maintainers of global groups: a group
// in a namespace anybody makes for themselves.
func TestRightOfMaintainers(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	policy := koschei.DefaultPolicy()
	policy[koschei.RightPriority] = koschei.Maintainers
	ed := edit.New(e.PG, policy)
	for _, group := range []string{"tea", "jdoe/tea"} {
		if _, err := e.CreateGroup(t.Context(), e.author, group, []string{"foo"}, []string{map[string]string{"tea": "ann", "jdoe/tea": "jdoe"}[group]}); err != nil {
			t.Fatal(err)
		}
	}
	set := func(who string, names ...string) error {
		_, err := ed.SetPriority(t.Context(), by(who), "f27", names, edit.ManualPriority, 7)
		return err
	}
	if err := set("ann", "foo"); err != nil {
		t.Error(err)
	}
	for who, names := range map[string][]string{"jdoe": {"foo"}, "ann": {"foo", "bar"}} {
		if err := set(who, names...); !errors.Is(err, koschei.ErrForbidden) {
			t.Errorf("%s of %s: %v, want that it is not allowed", who, names, err)
		}
	}
}

// While a service changes the same rows, no change of people is lost, nor any of
// the service.
func TestEditsBesideServices(t *testing.T) {
	t.Parallel()
	const rounds = 1000
	e := newEditor(t)
	ctx, stop := context.WithCancel(t.Context())
	var service sync.WaitGroup
	turns := 0
	service.Go(func() {
		for ; ctx.Err() == nil; turns++ {
			if _, err := e.PG.ExecOne(t.Context(), `
				UPDATE package
				SET build_priority = build_priority + 1, state_since = now()
				WHERE name = 'foo'`); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range rounds {
		p := edit.PackageEdit{Collection: "f27", Name: "foo", Revision: e.revision(t), ManualPriority: ptr(i + 1)}
		if _, err := e.EditPackage(t.Context(), by("ann"), p); err != nil {
			t.Fatal(err)
		}
		if got := e.sql.Number(`SELECT manual_priority FROM package WHERE name = 'foo'`); got != int64(i+1) {
			t.Fatalf("round %d: the priority is %d", i, got)
		}
	}
	stop()
	service.Wait()
	if got := e.sql.Number(`SELECT build_priority FROM package WHERE name = 'foo'`); got != int64(turns) {
		t.Errorf("the service changed it %d times, and %d are left", turns, got)
	}
	if got := e.sql.Number(`SELECT revision FROM package WHERE name = 'foo'`); got != rounds {
		t.Errorf("the revision is %d after %d changes", got, rounds)
	}
}
