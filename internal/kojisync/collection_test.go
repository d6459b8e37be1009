package kojisync

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPackageList(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	check := func(step string, want ...string) {
		t.Helper()
		if err := f.PackageList(t.Context(), f.collection()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, f.packages()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	check("new", "bash untracked", "docs untracked", "foo untracked", "old blocked")
	check("the same", "bash untracked", "docs untracked", "foo untracked", "old blocked")
	f.exec(`UPDATE package SET tracked = true WHERE name IN ('bash', 'docs', 'foo')`)
	f.exec(`UPDATE collection SET dest_tag = 'f40-old'`)
	check("blocked and gone", "bash unknown", "docs blocked", "foo blocked", "old blocked", "older untracked")
	f.exec(`UPDATE collection SET dest_tag = 'f40'`)
	check("back", "bash unknown", "docs unknown", "foo unknown", "old blocked", "older blocked")
	f.exec(`UPDATE collection SET dest_tag = 'f40-build'`)
	check("inherited", "bash unknown", "docs unknown", "foo unknown", "old blocked", "older blocked")
	if got := f.messages(); len(got) > 0 {
		t.Errorf("messages %v, want none", got)
	}
}

func TestUnknownTag(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.poll()
	f.exec(`UPDATE package SET tracked = true`)
	before := f.packages()
	for _, tag := range []string{"nosuch", "f40-none"} {
		if tag == "f40-none" {
			f.administer("createTag", tag)
		}
		f.exec(`UPDATE collection SET dest_tag = $1`, tag)
		err := f.PackageList(t.Context(), f.collection())
		if err == nil || !strings.Contains(err.Error(), tag) {
			t.Errorf("package list of tag %s: error %v", tag, err)
		}
		if err = f.TaggedBuilds(t.Context(), f.collection()); err == nil || !strings.Contains(err.Error(), tag) {
			t.Errorf("builds in tag %s: error %v", tag, err)
		}
	}
	if diff := cmp.Diff(before, f.packages()); diff != "" {
		t.Errorf("packages changed (-before +after):\n%s", diff)
	}
}

// TestTaggedBuilds follows one package through the life of its tag.
func TestTaggedBuilds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.poll()
	f.exec(`UPDATE package SET tracked = true`)
	check := func(step string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, f.builds("foo")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	check("first", "real complete 3:1-1 last")
	f.poll()
	check("again", "real complete 3:1-1 last")

	f.submit("foo")
	f.pass(1e12)
	f.follow()
	check("scratch", "real complete 3:1-1", "scratch complete 3:1-1 last")

	f.administer("tagBuildBypass", "f40", "foo-2-1")
	f.poll()
	check("updated", "real complete 3:1-1", "scratch complete 3:1-1", "real complete 0:2-1 last")

	f.submit("foo")
	f.pass(1e12)
	f.follow()
	f.administer("untagBuildBypass", "f40", "foo-2-1")
	f.poll()
	check("untagged, with the scratch build of its source",
		"real complete 3:1-1", "scratch complete 3:1-1 last", "real complete 0:2-1 untagged", "scratch complete 0:2-1 untagged")

	f.administer("tagBuildBypass", "f40", "foo-2-1")
	f.poll()
	check("tagged again", "real complete 3:1-1", "scratch complete 3:1-1", "scratch complete 0:2-1", "real complete 0:2-1 last")

	f.administer("tagBuildBypass", "f40", "foo-1-1", true)
	f.poll()
	check("the older one tagged last", "scratch complete 3:1-1", "scratch complete 0:2-1", "real complete 0:2-1", "real complete 3:1-1 last")

	f.administer("untagBuildBypass", "f40", "foo-1-1")
	f.administer("untagBuildBypass", "f40", "foo-2-1")
	f.poll()
	check("all untagged",
		"scratch complete 3:1-1 untagged", "scratch complete 0:2-1 untagged", "real complete 0:2-1 untagged", "real complete 3:1-1 untagged")
	if got := f.query(`SELECT state FROM package WHERE name = 'foo'`); got[0] != "unknown" {
		t.Errorf("foo is %s without any tagged build, want unknown", got[0])
	}
}

// TestOnlyTracked leaves out builds of packages that nobody tracks where the
// collection wants that.
func TestOnlyTracked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.PackageList(t.Context(), f.collection()); err != nil {
		t.Fatal(err)
	}
	f.exec(`UPDATE collection SET poll_untracked = false`)
	f.exec(`UPDATE package SET tracked = true WHERE name = 'bash'`)
	f.poll()
	want := []string{"bash"}
	got := f.query(`SELECT p.name FROM build b JOIN package p ON p.id = b.package_id`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("builds of (-want +got):\n%s", diff)
	}
}

// TestRealBuild has a packager build an update.
func TestRealBuild(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.poll()
	f.exec(`UPDATE package SET tracked = true, manual_priority = 5, build_priority = 6, static_priority = 8, faults = 2`)
	f.change(7)
	f.world.Break(breakage("1"))
	f.submit("foo")
	f.pass(1e12)
	f.follow()
	if diff := cmp.Diff([]string{"real complete 3:1-1", "scratch failed 3:1-1 last"}, f.builds("foo")); diff != "" {
		t.Fatalf("before (-want +got):\n%s", diff)
	}
	f.exec(`UPDATE package SET manual_priority = 5, build_priority = 6, faults = 2`)
	f.change(7)
	f.administer("tagBuildBypass", "f40", "foo-2-1")
	f.poll()
	want := []string{"real complete 3:1-1", "scratch failed 3:1-1", "real complete 0:2-1 last"}
	if diff := cmp.Diff(want, f.builds("foo")); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	got := f.query(`
		SELECT concat_ws(' ', state, manual_priority, static_priority, build_priority, dependency_priority, faults)
		FROM package JOIN resolution ON package_id = id WHERE name IN ('bash', 'foo') ORDER BY name`)
	if diff := cmp.Diff([]string{"ok 5 8 6 7 2", "ok 0 8 0 0 0"}, got); diff != "" {
		t.Errorf("bash and foo: state and priorities (-want +got):\n%s", diff)
	}
	wantMessages := []string{"foo ignored failing", "foo failing ok"}
	if got := f.messages(); !cmp.Equal(got[len(got)-1:], wantMessages[1:]) {
		t.Errorf("messages %v, want them to end in %v", got, wantMessages)
	}
}

func TestSourceFacts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.poll()
	want := []string{
		"bash-5-1 requires {} arches {} {} {}",
		"docs-1-1 requires {nothing-that-exists} arches {noarch} {} {}",
		`foo-1-1 requires {"bash >= 4","(bash if docs)"} arches {} {x86_64,aarch64} {}`,
	}
	facts := func() []string {
		return f.query(`
			SELECT format('%s-%s-%s requires %s arches %s %s %s', name, version, release, build_requires, build_archs, exclusive_arch, exclude_arch)
			FROM srpm ORDER BY name, version`)
	}
	if diff := cmp.Diff(want, facts()); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	f.administer("tagBuildBypass", "f40", "foo-2-1")
	f.poll()
	want = append(want, "foo-2-1 requires {bash} arches {} {} {}")
	if diff := cmp.Diff(want, facts()); diff != "" {
		t.Errorf("facts after an update (-want +got):\n%s", diff)
	}
}

// TestTogether polls a collection that is met for the first time from several
// processes at once.
func TestTogether(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.collection()
	done := make(chan error)
	for range 4 {
		go func() {
			done <- errors.Join(
				f.PackageList(t.Context(), c), f.TaggedBuilds(t.Context(), c), f.SourceFacts(t.Context(), c))
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"bash", "docs", "foo"} {
		if got := f.builds(name); len(got) != 1 {
			t.Errorf("builds of %s: %v, want one", name, got)
		}
	}
	if got := f.packages(); len(got) != 4 {
		t.Errorf("packages %v, want four", got)
	}
	if got := f.query(`SELECT name FROM srpm`); len(got) != 3 {
		t.Errorf("facts of %v, want of three", got)
	}
}
