package takeover_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/takeover"
)

// TestSpoiled takes over an original in which much cannot be taken as it is. Each
// such row costs itself, and is named.
func TestSpoiled(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	m.old.Spoil(packed(t, 1000), packed(t, 500))
	report, err := m.run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	decided := strings.Join(m.decided.Notes, "\n")
	for _, want := range []string{
		`user "jane doe" is called jane-doe-2 here: what a name may not have becomes "-", and "_" is put before`,
		`user "" is called _ here: `,
		`package ".y" is called _.y here: `,
		`group "my group" is called my-group here: `,
		`collection group "epel 9" is called epel-9 here: `,
		"collection group epel-9 has no display name: epel-9 is taken",
		"collection gone has no display name: gone is taken",
		"collection gone: invalid: the priority coefficient is -1, it must be from 0 to 1000: 1 is taken",
		"collection _ is left out with all its packages: invalid: it has no target",
		"package _x of collection f44: invalid: the priority is 2000000000, it must be from -1000000000 to 1000000000: 1000000000 is taken",
	} {
		if !strings.Contains(decided, want) {
			t.Errorf("it is not said: %s\n%s", want, decided)
		}
	}
	if whys := reasons(report.NotTaken); len(whys) != 2 ||
		!strings.HasPrefix(whys[0], "it cannot be stored: ") || whys[1] != "this task of the hub is another one" {
		t.Errorf("not taken: %v", report.NotTaken)
	}
	if whys := reasons(report.Partly); len(whys) != 3 ||
		!strings.HasPrefix(whys[0], "without its task 7, ") ||
		!strings.HasPrefix(whys[1], "without what it was built with, which cannot be read: ") ||
		whys[2] != "without what it was built with: there is no dependency 1000, which is in it" {
		t.Errorf("taken in part: %v", report.Partly)
	}
	if notes := report.Notes; len(notes) != 1 || notes[0] != "package _x: a change of installability has no time and is left out" {
		t.Errorf("notes: %v", notes)
	}
	if total := len(m.History()); report.Builds != total-1 {
		t.Errorf("%d of %d builds are taken over", report.Builds, total)
	}
	if again, err := m.run(t.Context(), nil); err != nil || again.Builds+again.Transitions > 0 || len(again.NotTaken) != 2 {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	if names := m.record.UserNames(); !slices.Contains(names, "someone@EXAMPLE.ORG") {
		t.Errorf("users: %v", names)
	}
}

// TestTagIsGone takes over what there is of a collection whose tag the hub does
// not have any more.
func TestTagIsGone(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	m.old.SetDestTag("f44", "gone")
	report, err := m.run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "its destination tag gone inherits from: getFullInheritance: ") {
		t.Errorf("notes: %v", report.Notes)
	}
	real, scratch := 0, 0
	for _, b := range m.Builds() {
		switch {
		case b.TaskID == 0:
		case b.Origin == "real":
			real++
		default:
			scratch++
		}
	}
	for _, b := range report.NotTaken {
		if b.Why != "the hub never had it in the destination tag" {
			t.Errorf("not taken: %s", b)
		}
	}
	if len(report.NotTaken) != real || report.Builds == 0 || report.Builds > scratch {
		t.Errorf("of %d real and %d scratch builds, %d are left out and %d taken", real, scratch, len(report.NotTaken), report.Builds)
	}
}

func reasons(builds []takeover.Build) []string {
	whys := make([]string, len(builds))
	for i, b := range builds {
		whys[i] = b.Why
	}
	slices.Sort(whys)
	return whys
}
