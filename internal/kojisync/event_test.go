package kojisync_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
)

// TestTaggedPackages does for one package what polling does for all, and leaves
// the others as they are.
func TestTaggedPackages(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	f.Administer("tagBuildBypass", "f40", "foo-2-1")
	f.Administer("untagBuildBypass", "f40", "bash-5-1")
	steps := []struct {
		ask       []string
		foo, bash string
	}{
		{[]string{"docs", "no-such-package"}, "real complete 3:1-1 last", "real complete 0:5-1 last"},
		{[]string{"foo"}, "real complete 0:2-1 last", "real complete 0:5-1 last"},
		{[]string{"foo"}, "real complete 0:2-1 last", "real complete 0:5-1 last"},
		{[]string{"foo", "bash"}, "real complete 0:2-1 last", "real complete 0:5-1 untagged"},
	}
	for _, step := range steps {
		if err := f.TaggedPackages(t.Context(), f.collection(), step.ask); err != nil {
			t.Fatal(err)
		}
		foo, bash := f.builds("foo"), f.builds("bash")
		if foo[len(foo)-1] != step.foo || bash[0] != step.bash {
			t.Errorf("asked for %v: foo %v, bash %v; want %s, %s", step.ask, foo, bash, step.foo, step.bash)
		}
	}
	if got := f.SRPMsOf("foo"); len(got) != 2 || got[0].Version != "1" || got[1].Version != "2" {
		t.Errorf("sources of foo known: %+v, want those of 1 and 2", got)
	}
}

// TestTaggedMeanwhile stores an answer about everything that was on its way
// while the watcher recorded a build that it does not have yet.
func TestTaggedMeanwhile(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	c := f.collection()
	event, err := f.Primary.LastEvent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old, err := kojisync.ListTagged(t.Context(), f.Primary, c.DestTag)
	if err != nil {
		t.Fatal(err)
	}
	f.Administer("tagBuildBypass", "f40", "foo-2-1")
	if err := f.TaggedPackages(t.Context(), c, []string{"foo"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SaveTagged(t.Context(), c, old, nil, event.ID); err != nil {
		t.Fatal(err)
	}
	if foo := f.builds("foo"); foo[len(foo)-1] != "real complete 0:2-1 last" {
		t.Errorf("builds of foo %v, want 2-1 to be the last", foo)
	}
}

// TestPackagesListed does for one package what polling does for all.
func TestPackagesListed(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	f.SetCollection("f40", pgtest.DestTag("f40-old"))
	steps := []struct {
		ask  []string
		want []string
	}{
		{[]string{"foo"}, []string{"bash ok", "docs ok", "foo blocked", "old blocked"}},
		{[]string{"docs"}, []string{"bash ok", "docs blocked", "foo blocked", "old blocked"}},
		{[]string{"older"}, []string{"bash ok", "docs blocked", "foo blocked", "old blocked", "older untracked"}},
		{[]string{"no-such-package"}, []string{"bash ok", "docs blocked", "foo blocked", "old blocked", "older untracked"}},
	}
	for _, step := range steps {
		if err := f.PackagesListed(t.Context(), f.collection(), step.ask); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, f.packages()); diff != "" {
			t.Errorf("asked for %v (-want +got):\n%s", step.ask, diff)
		}
	}
	// A tag that is gone says nothing about its packages.
	f.SetCollection("f40", pgtest.DestTag("no-such-tag"))
	if err := f.PackagesListed(t.Context(), f.collection(), []string{"bash"}); err != nil {
		t.Fatal(err)
	}
	if err := f.TaggedPackages(t.Context(), f.collection(), []string{"bash"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(steps[3].want, f.packages()); diff != "" {
		t.Errorf("after asking for a tag that is gone (-want +got):\n%s", diff)
	}
}

// TestBuildsOfTasks follows the builds of the tasks that are named, and no
// other.
func TestBuildsOfTasks(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	foo, fooTask := f.submit("foo")
	bash, _ := f.submit("bash")
	f.pass(time.Hour)
	for _, tasks := range [][]int64{nil, {fooTask + 1000}} {
		if err := f.BuildsOfTasks(t.Context(), tasks); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.end(foo); got != "running" {
		t.Errorf("build of a task that was not named is %s", got)
	}
	for range 2 {
		if err := f.BuildsOfTasks(t.Context(), []int64{fooTask}); err != nil {
			t.Fatal(err)
		}
		if got, other := f.end(foo), f.end(bash); got != "complete" || other != "running" {
			t.Errorf("foo is %s, bash %s, want complete and running", got, other)
		}
	}
}

// TestRecordedIn finds the collections that have a build.
func TestRecordedIn(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	b := f.BuildsOf("foo")[0].KojiBuildID
	for _, test := range []struct {
		name string
		id   int64
		want int
	}{{"foo", b, 1}, {"foo", b + 1000, 0}, {"bash", b, 0}} {
		got, err := f.DB.Tags.RecordedIn(t.Context(), koschei.Primary, record.BuildName{Name: test.name, KojiBuildID: test.id})
		if err != nil || len(got) != test.want {
			t.Errorf("build %d of %s: %v, %v, want %d collections", test.id, test.name, got, err, test.want)
		}
	}
}
