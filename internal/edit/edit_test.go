package edit_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/schema"
)

// An editor is a record with some packages for what operators do to it.
type editor struct {
	*pgtest.DB
	sql    *pgtest.Console
	author audit.Act
}

// someone is an administrator.
func someone() audit.Act {
	return audit.Act{Actor: koschei.Actor{Name: "someone", From: koschei.FromFrontend, Admin: true}, Now: pgtest.SampleTime()}
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func newEditor(t *testing.T) *editor {
	t.Helper()
	cfg := pgtest.Database(t)
	e := &editor{
		DB:     pgtest.Open(t, cfg),
		sql:    pgtest.NewConsole(t, cfg),
		author: audit.Act{Actor: koschei.Actor{Name: "someone", From: koschei.FromAdmin, Admin: true}, Now: noon},
	}
	f27 := koschei.Collection{
		Name: "f27", DisplayName: "Rawhide", Order: 100, Target: "rawhide", DestTag: "f27", BuildTag: "f27-build",
		BuildGroup: "build", BugzillaProduct: "Fedora", BugzillaVersion: "rawhide", PriorityCoefficient: 1, Weight: 1,
	}
	if _, err := e.CreateCollection(t.Context(), e.author, &f27); err != nil {
		t.Fatal(err)
	}
	e.sql.Exec(`INSERT INTO base_package (name) VALUES ('bar'), ('baz'), ('foo')`)
	e.sql.Exec(`
		INSERT INTO package (base_id, collection_id, name, tracked)
		SELECT id, $1, name, name <> 'baz' FROM base_package ORDER BY id`, f27.ID)
	return e
}

// check compares the messages of a change with those wanted and with the audit log.
func (e *editor) check(t *testing.T, got []string, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	audited := e.sql.Lines(`
		SELECT message FROM (SELECT id, message FROM audit WHERE actor = 'someone' ORDER BY id DESC LIMIT $1) a
		ORDER BY id`, len(want))
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, audited...)); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
}

func wantError(t *testing.T, err error, is error, text string) {
	t.Helper()
	if !errors.Is(err, is) || err.Error() != text {
		t.Errorf("error is %v, want one that wraps %v and reads %q", err, is, text)
	}
}

func TestTrackPackages(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	got, err := e.TrackPackages(t.Context(), e.author, "f27", []string{"baz", "foo"}, false)
	e.check(t, got, err, "package baz (collection f27): tracked changed from false to true")
	_, err = e.TrackPackages(t.Context(), e.author, "f27", []string{"no1", "foo", "no2"}, false)
	wantError(t, err, koschei.ErrNotFound, "packages no1, no2 in collection f27: not found")
	_, err = e.TrackPackages(t.Context(), e.author, "f99", nil, true)
	wantError(t, err, koschei.ErrNotFound, "collection f99: not found")
	if got := e.sql.Lines(`SELECT noted_state FROM package WHERE name = 'baz'`); got[0] != "unknown" {
		t.Errorf("noted state of a package that is now tracked is %s, want unknown", got[0])
	}
}

func TestSetPriority(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	got, err := e.SetPriority(t.Context(), e.author, "f27", []string{"foo"}, edit.StaticPriority, 100)
	e.check(t, got, err, "package foo (collection f27): static priority changed from 0 to 100")
	got, err = e.SetPriority(t.Context(), e.author, "f27", []string{"foo", "bar"}, edit.ManualPriority, -20)
	e.check(t, got, err,
		"package bar (collection f27): manual priority changed from 0 to -20",
		"package foo (collection f27): manual priority changed from 0 to -20")
	_, err = e.SetPriority(t.Context(), e.author, "f27", []string{"bar", "nosuch"}, edit.StaticPriority, 7)
	wantError(t, err, koschei.ErrNotFound, "package nosuch in collection f27: not found")
	want := []string{"bar 0 -20", "baz 0 0", "foo 100 -20"}
	if diff := cmp.Diff(want, e.sql.Lines(`SELECT name || ' ' || static_priority || ' ' || manual_priority FROM package ORDER BY name`)); diff != "" {
		t.Errorf("priorities (-want +got):\n%s", diff)
	}
}

func TestSetArchOverride(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	got, err := e.SetArchOverride(t.Context(), e.author, "f27", []string{"foo"}, "^s390x")
	e.check(t, got, err, `package foo (collection f27): architecture override changed from "" to "^s390x"`)
}

func TestGroups(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	got, err := e.CreateGroup(t.Context(), e.author, "someuser/mygroup", []string{"foo", "bar"}, []string{"other"})
	e.check(t, got, err,
		"group someuser/mygroup created",
		"package bar added to group someuser/mygroup",
		"package foo added to group someuser/mygroup",
		"user someuser is a maintainer of group someuser/mygroup",
		"user other is a maintainer of group someuser/mygroup")
	_, err = e.CreateGroup(t.Context(), e.author, "someuser/mygroup", nil, nil)
	wantError(t, err, koschei.ErrExists, "group someuser/mygroup exists already")
	_, err = e.CreateGroup(t.Context(), e.author, "other", []string{"foo", "no1", "no2"}, nil)
	wantError(t, err, koschei.ErrNotFound, "group other: packages no1, no2 in any collection: not found")

	name, replaced := "thegroup", []string{"foo", "baz"}
	got, err = e.EditGroup(t.Context(), e.author, "someuser/mygroup", edit.GroupEdit{FullName: &name, Packages: &replaced})
	e.check(t, got, err,
		"group someuser/mygroup renamed to thegroup",
		"package baz added to group thegroup",
		"package bar removed from group thegroup")
	more := []string{"bar"}
	got, err = e.EditGroup(t.Context(), e.author, "thegroup", edit.GroupEdit{Packages: &more, Append: true})
	e.check(t, got, err, "package bar added to group thegroup")
	replaced = []string{"bar", "baz"}
	got, err = e.EditGroup(t.Context(), e.author, "thegroup", edit.GroupEdit{Packages: &replaced})
	e.check(t, got, err, "package foo removed from group thegroup")
	members, err := e.GroupMembersIn(t.Context(), "thegroup", "f27")
	if diff := cmp.Diff([]string{"bar", "baz"}, members); diff != "" || err != nil {
		t.Errorf("members: %v (-want +got):\n%s", err, diff)
	}
	got, err = e.DeleteGroup(t.Context(), e.author, "thegroup", nil)
	e.check(t, got, err, "group thegroup deleted")
	_, err = e.DeleteGroup(t.Context(), e.author, "thegroup", nil)
	wantError(t, err, koschei.ErrNotFound, "group thegroup: not found")
}

func TestNotice(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	got, err := e.SetNotice(t.Context(), e.author, "an <outage>")
	e.check(t, got, err, `notice set to "an <outage>"`)
	frame, err := e.Frame(t.Context())
	if err != nil || frame.Notice != "an <outage>" {
		t.Errorf("notice is %q (%v)", frame.Notice, err)
	}
	got, err = e.SetNotice(t.Context(), e.author, "an <outage>")
	e.check(t, got, err)
	got, err = e.SetNotice(t.Context(), e.author, "")
	e.check(t, got, err, "notice cleared")
	got, err = e.SetNotice(t.Context(), e.author, "")
	e.check(t, got, err)
}

func TestSetAdmin(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	got, err := e.Accounts.SetAdmin(t.Context(), e.author, "someuser", true)
	e.check(t, got, err, "user someuser is an administrator")
	status, err := e.Status(t.Context(), schema.Ranking{Rules: koschei.DefaultPriorityRules(), Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"someuser"}, status.Admins); diff != "" {
		t.Errorf("administrators (-want +got):\n%s", diff)
	}
	got, err = e.Accounts.SetAdmin(t.Context(), e.author, "someuser", false)
	e.check(t, got, err, "user someuser is no longer an administrator")
	got, err = e.Accounts.SetAdmin(t.Context(), e.author, "someuser", false)
	e.check(t, got, err)
}
