package worldtext

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
)

const fooWorld = `
-- world --
user kojiadmin password=adminpw perms=admin
user koschei
user other
channel default
host builder1 arches=x86_64,aarch64 capacity=8 channels=default
tag f40
tag f40-build arches=x86_64,aarch64 parents=f40
target f40 build=f40-build dest=f40
group f40-build build
member f40-build build mandatory bash
package bash tag=f40
package foo tag=f40
build bash-5-1 tag=f40
 binary bash
build foo-1-1 tag=f40
 requires bash
 binary foo
repo f40-build
rules build_time=1
`

func TestParseWorld(t *testing.T) {
	t.Parallel()
	world, err := Parse([]byte(fooWorld+"-- more --\npackage bar tag=f40 blocked\nbreak foo from=2-1 dependency=bash dependency_from=6-1 it broke\nflaky foo 1\npolicy build_from_repo_id=deny\nevent 50\n"), 1)
	if err != nil {
		t.Fatal(err)
	}
	w := world.Lock()
	world.Unlock()
	if got := w.LastEvent(); got != 50 {
		t.Errorf("got event %d, want 50", got)
	}
	if !kojisim.IsBlocked(w.TagByName("f40-build").Order(), w.PackageByName("bar")) {
		t.Error("bar is not blocked")
	}
	if w.Policy.BuildFromRepoID {
		t.Errorf("got policy %+v", w.Policy)
	}
	if got := buildFoo(t, world); got != kojisim.CauseFlake {
		t.Errorf("a build of foo failed for %q, want %q", got, kojisim.CauseFlake)
	}
	b := world.Breakages()["foo"]
	if len(b) != 1 || b[0].From.String() != "2-1" || b[0].Dependency != "bash" || b[0].DependencyFrom.String() != "6-1" || b[0].Message != "it broke" {
		t.Errorf("got %+v", b)
	}
}

// A package may stand in the lists of several tags; it is one.
func TestParsePackageInTwoTags(t *testing.T) {
	t.Parallel()
	world, err := Parse([]byte(fooWorld+"-- more --\ntag f40-side\npackage foo tag=f40-side\n"), 1)
	if err != nil {
		t.Fatal(err)
	}
	w := world.Lock()
	world.Unlock()
	n := 0
	for _, p := range w.Packages {
		if p.Name == "foo" {
			n++
		}
	}
	if n != 1 || len(w.PackageByName("foo").Builds) != 1 {
		t.Errorf("%d packages foo, %d builds of it, want one of each", n, len(w.PackageByName("foo").Builds))
	}
}

func TestParseWorldErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ world, want string }{
		{"nonsense x", `w:1: unknown word "nonsense"`},
		{"tag", "w:1: tag needs 1 words"},
		{"tag a parents=b", `w:1: no tag "b"`},
		{"tag a\nuser u\npackage p tag=a\nbuild p-1 tag=a", "w:4: "},
		{" requires x", "w:1: requires stands below no build"},
		{"tag a\nuser u\npackage p tag=a\nbuild p-1-1 tag=b\nevent 20", `w:5: no tag "b"`},
		{"tag a\nevent 0", "w:2: event 0 is no later event than 1"},
		{"host h channels=c", `w:1: no channel "c"`},
		{"rules repo_every=often", "w:1: repo_every=often is no duration"},
		{"flaky p often", "w:1: p=often is no number"},
	} {
		_, err := Parse([]byte("-- w --\n"+tc.world+"\n"), 1)
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%q: got %v, want %s", tc.world, err, tc.want)
		}
	}
}

// buildFoo builds foo and returns why it ended as it did.
func buildFoo(t *testing.T, world *kojisim.World) kojisim.Cause {
	t.Helper()
	w := world.Lock()
	task := w.SubmitBuild(w.UserByName("kojiadmin"), "../packages/foo/1/1/src/foo-1-1.src.rpm", "f40", kojisim.Options{{Name: "scratch", Value: true}}, nil, 0)
	world.Unlock()
	world.Advance(world.Now().Add(24 * time.Hour))
	v, ended := world.Verdict(task.ID)
	if !ended {
		t.Fatal("the build does not end")
	}
	return v.Cause
}

func TestAmend(t *testing.T) {
	t.Parallel()
	world, err := Parse([]byte(fooWorld), 1)
	if err != nil {
		t.Fatal(err)
	}
	h := kojihub.New(world, kojisim.NewStepClock(world.Now()), slog.New(slog.DiscardHandler))
	w := world.Lock()
	world.Unlock()
	err = Amend(h, "break foo it broke\nflaky foo 1\nblock foo tag=f40\npackage new tag=f40\nbuild new-1-1 tag=f40\n binary new\n  provides newer\n")
	if err != nil {
		t.Fatal(err)
	}
	order := w.TagByName("f40").Order()
	if !kojisim.IsBlocked(order, w.PackageByName("foo")) || len(world.Breakages()["foo"]) != 1 || buildFoo(t, world) != kojisim.CauseSource {
		t.Error("foo is not blocked and broken")
	}
	if b := w.BuildByNVR("new-1-1"); b == nil || len(b.Binaries) != 1 {
		t.Errorf("got %+v for the new build", b)
	}
	if err := Amend(h, "unblock foo tag=f40\nmend foo"); err != nil {
		t.Fatal(err)
	}
	if got := buildFoo(t, world); got != kojisim.CauseNone {
		t.Errorf("a build of foo that was mended failed for %q", got)
	}
	if err := Amend(h, "untarget f40"); err != nil {
		t.Fatal(err)
	}
	if kojisim.IsBlocked(order, w.PackageByName("foo")) || len(world.Breakages()["foo"]) != 0 || w.TargetByName("f40") != nil {
		t.Error("foo is not well again, or its target is still there")
	}
	for line, want := range map[string]string{
		"start 2026-01-01T00:00:00Z": "start comes first",
		"block bar tag=f40":          `no package "bar" in tag f40`,
		"untarget f40":               `no target "f40"`,
	} {
		if err := Amend(h, line); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", line, err, want)
		}
	}
}
