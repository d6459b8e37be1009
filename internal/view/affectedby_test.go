package view_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/rpm"
)

func TestAffectedBy(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	// Each package has a complete build with the first version and then one of
	// the given outcome with the second; "-" is without the dependency.
	for _, p := range []struct {
		name, before, after string
		outcome             koschei.Outcome
	}{
		{"across", "1", "5", "failed"},
		{"into", "1", "3", "failed"},
		{"out-of", "3", "5", "failed"},
		{"exact", "2", "4", "failed"},
		{"inside", "2.1", "3", "failed"},
		{"before", "1", "2", "failed"},
		{"behind", "4", "5", "failed"},
		{"down", "4", "2", "failed"},
		{"added", "-", "4", "failed"},
		{"added-later", "-", "5", "failed"},
		{"removed", "2", "-", "failed"},
		{"removed-later", "4", "-", "failed"},
		{"fine", "2", "4", "complete"},
		{"canceled", "2", "4", "canceled"},
		{"untracked", "2", "4", "failed"},
	} {
		pkg := w.Package(p.name)
		for i, version := range []string{p.before, p.after} {
			set := []rpm.NEVRA{pgtest.NEVRA("always", fmt.Sprint(i))}
			if version != "-" {
				set = append(set, pgtest.NEVRA("dep", version))
			}
			w.BuiltWith(w.Build(pkg, []koschei.Outcome{"complete", p.outcome}[i]), set...)
		}
	}
	w.Exec(`UPDATE package SET tracked = false WHERE name = 'untracked'`)
	failing := w.Package("was-failing")
	w.BuiltWith(w.Build(failing, "failed"), pgtest.NEVRA("dep", "2"))
	w.BuiltWith(w.Build(failing, "infrastructure"), pgtest.NEVRA("dep", "3"))
	w.BuiltWith(w.Build(failing, "failed"), pgtest.NEVRA("dep", "4"))
	// That a build without a known set was between does not matter, its outcome does.
	gap := w.Package("gap")
	w.BuiltWith(w.Build(gap, "failed"), pgtest.NEVRA("dep", "2"))
	w.Build(gap, "complete")
	w.BuiltWith(w.Build(gap, "failed"), pgtest.NEVRA("dep", "4"))

	evr := func(version string) rpm.EVR { return rpm.EVR{Version: version, Release: "1"} }
	for _, test := range []struct {
		from, to string
		want     []string
	}{
		{"2", "4", []string{
			"gap: 2 -> 4 at 1",
			"added: none -> 4 at 2", "inside: 2.1 -> 3 at 2", "exact: 2 -> 4 at 2",
			"out-of: 3 -> 5 at 2", "into: 1 -> 3 at 2", "across: 1 -> 5 at 2",
			"removed: 2 -> none at 0",
		}},
		{"4", "2", []string{"down: 4 -> 2 at 2", "removed-later: 4 -> none at 0"}},
		{"2", "2", nil},
		{"8", "9", nil},
	} {
		affected, err := w.DB.Repos.AffectedBy(t.Context(), "f43", "dep", evr(test.from), evr(test.to), 100)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, a := range affected {
			lines = append(lines, fmt.Sprintf("%s: %s -> %s at %d",
				a.Package, versionOf(a.Change.Prev), versionOf(a.Change.Curr), a.Change.Distance))
		}
		if diff := cmp.Diff(test.want, lines); diff != "" {
			t.Errorf("affected by dep from %s to %s (-want +got):\n%s", test.from, test.to, diff)
		}
	}
	if _, err := w.DB.Repos.AffectedBy(t.Context(), "f99", "dep", evr("1"), evr("2"), 1); !errors.Is(err, koschei.ErrNotFound) {
		t.Errorf("another collection: %v, want ErrNotFound", err)
	}
	limited, err := w.DB.Repos.AffectedBy(t.Context(), "f43", "dep", evr("2"), evr("4"), 2)
	if err != nil || len(limited) != 2 {
		t.Errorf("limited to 2: %d (%v)", len(limited), err)
	}
}

func versionOf(n *rpm.NEVRA) string {
	if n == nil {
		return "none"
	}
	return n.Version
}

// A build that ends after its dependencies were stored is found all the same.
func TestAffectedByBuildThatFailsLater(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	pkg := w.Package("foo")
	w.BuiltWith(w.Build(pkg, "complete"), pgtest.NEVRA("dep", "1"))
	running := w.Build(pkg, "running")
	w.BuiltWith(running, pgtest.NEVRA("dep", "2"))
	w.Exec(`UPDATE build SET outcome = 'failed', finished = $2 WHERE id = $1`, running, pgtest.SampleTime())
	w.Refresh(pkg)
	affected, err := w.DB.Repos.AffectedBy(t.Context(), "f43", "dep", rpm.EVR{Version: "1", Release: "1"}, rpm.EVR{Version: "2", Release: "1"}, 10)
	if err != nil || len(affected) != 1 || affected[0].Build.ID != running {
		t.Errorf("affected are %v (%v), want build %d", affected, err, running)
	}
}
