package edit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// Every kind of change of one field is undone, and so is the undoing.
func TestUndo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(e *editor) ([]string, error)
		want   string // what undoing it does
	}{
		"manual priority": {func(e *editor) ([]string, error) {
			return e.SetPriority(t.Context(), e.author, "f27", []string{"foo"}, edit.ManualPriority, 7)
		}, "package foo (collection f27): manual priority changed from 7 to 0"},
		"static priority": {func(e *editor) ([]string, error) {
			return e.SetPriority(t.Context(), e.author, "f27", []string{"foo"}, edit.StaticPriority, -7)
		}, "package foo (collection f27): static priority changed from -7 to 0"},
		"architectures": {func(e *editor) ([]string, error) {
			return e.SetArchOverride(t.Context(), e.author, "f27", []string{"foo"}, "^s390x")
		}, `package foo (collection f27): architecture override changed from "^s390x" to ""`},
		"tracked": {func(e *editor) ([]string, error) {
			return e.UntrackPackages(t.Context(), e.author, "f27", []string{"foo"})
		}, "package foo (collection f27): tracked changed from false to true"},
		"resolution": {func(e *editor) ([]string, error) {
			return e.SkipResolution(t.Context(), e.author, "f27", []string{"foo"}, true)
		}, "package foo (collection f27): skipping of resolution changed from true to false"},
		"a number of a collection": {func(e *editor) ([]string, error) {
			return e.EditCollection(t.Context(), e.author, "f27", edit.CollectionChange{Setting: "weight", Was: "1", Becomes: "2.5"}.Apply)
		}, "collection f27: weight changed from 2.5 to 1"},
		"name of a collection": {func(e *editor) ([]string, error) {
			return e.EditCollection(t.Context(), e.author, "f27", edit.CollectionChange{Setting: "name", Was: "f27", Becomes: "rawhide"}.Apply)
		}, "collection rawhide: name changed from rawhide to f27"},
		"notice": {func(e *editor) ([]string, error) { return e.SetNotice(t.Context(), e.author, "an outage") }, "notice cleared"},
		"administrator": {func(e *editor) ([]string, error) {
			return e.Accounts.SetAdmin(t.Context(), e.author, "jdoe", true)
		}, "user jdoe is no longer an administrator"},
		"member": {func(e *editor) ([]string, error) {
			return e.EditGroup(t.Context(), e.author, "tea", edit.GroupEdit{Packages: &[]string{"foo"}})
		}, "package foo removed from group tea"},
		"maintainer": {func(e *editor) ([]string, error) {
			return e.EditGroup(t.Context(), e.author, "tea", edit.GroupEdit{Maintainers: []string{"ann"}})
		}, "user ann is no longer a maintainer of group tea"},
		"name of a group": {func(e *editor) ([]string, error) {
			to := "coffee"
			return e.EditGroup(t.Context(), e.author, "tea", edit.GroupEdit{FullName: &to})
		}, "group coffee renamed to tea"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEditor(t)
			if _, err := e.CreateGroup(t.Context(), e.author, "tea", nil, nil); err != nil {
				t.Fatal(err)
			}
			did, err := tt.change(e)
			if err != nil || len(did) != 1 {
				t.Fatalf("%q, %v", did, err)
			}
			got, err := e.Undo(t.Context(), e.author, e.last(t))
			e.check(t, got, err, tt.want)
			got, err = e.Undo(t.Context(), e.author, e.last(t))
			if err != nil || len(got) != 1 {
				t.Errorf("done again: %q, %v, want %q", got, err, did)
			}
		})
	}
}

// last is the newest entry of the audit log.
func (e *editor) last(t *testing.T) int64 {
	t.Helper()
	return e.sql.Number(`SELECT max(id) FROM audit`)
}

// What has changed since is left as it is, by whomever; and undoing takes the right
// that changing takes.
func TestNotUndone(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	must := func(_ []string, err error) int64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return e.last(t)
	}
	jdoe := by("jdoe")
	priority := must(e.SetPriority(t.Context(), e.author, "f27", []string{"foo"}, edit.StaticPriority, 7))
	manual := must(e.SetPriority(t.Context(), jdoe, "f27", []string{"foo"}, edit.ManualPriority, 9))
	notice := must(e.SetNotice(t.Context(), e.author, "an outage"))
	must(e.SetNotice(t.Context(), e.author, "another"))
	created := must(e.CreateGroup(t.Context(), e.author, "tea", nil, nil))
	e.sql.Exec(`UPDATE package SET manual_priority = 0 WHERE name = 'foo'`) // a build was submitted
	for _, tt := range []struct {
		who   audit.Act
		entry int64
		is    error
		text  string
	}{
		{jdoe, priority, koschei.ErrForbidden, "only administrators"},
		{jdoe, manual, koschei.ErrConflict, "the manual priority of package foo is 0 by now, and not 9: there is nothing to undo"},
		{jdoe, notice, koschei.ErrForbidden, "only administrators may do this"},
		{e.author, notice, koschei.ErrConflict, "the notice is another by now, and not an outage: there is nothing to undo"},
		{e.author, created, koschei.ErrInvalid, "is not a change of one field"},
		{e.author, 99_999, koschei.ErrNotFound, "entry 99999 of the audit log"},
		{audit.Act{}, manual, koschei.ErrForbidden, "only those who have signed in"},
	} {
		before := e.sql.Decided()
		if _, err := e.Undo(t.Context(), tt.who, tt.entry); !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("entry %d by %q: %v, want %q", tt.entry, tt.who.Name, err, tt.text)
		}
		if e.sql.Decided() != before {
			t.Errorf("entry %d by %q: something was changed", tt.entry, tt.who.Name)
		}
	}
}

// Of two people who change one setting of a collection the second is told.
func TestTwoAtOneCollection(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	set := func(was, becomes string) error {
		_, err := e.EditCollection(t.Context(), e.author, "f27", edit.CollectionChange{Setting: "order", Was: was, Becomes: becomes}.Apply)
		return err
	}
	if err := set("100", "200"); err != nil {
		t.Fatal(err)
	}
	if err := set("100", "300"); !errors.Is(err, koschei.ErrConflict) || !strings.Contains(err.Error(), "the order of collection f27 is 200 by now, and not 100") {
		t.Errorf("got %v", err)
	}
	if err := set("100", "200"); err != nil {
		t.Errorf("both want the same: %v", err)
	}
	for _, bad := range []string{"x", "1e9", "", "99999999999"} {
		if err := set("200", bad); !errors.Is(err, koschei.ErrInvalid) {
			t.Errorf("order %q: %v", bad, err)
		}
	}
}
