package watcher_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
)

const smallWorld = `
start 2026-11-23T12:00:00Z
user koschei password=secret
user root password=secret perms=admin
channel default
channel createrepo
host builder1 arches=x86_64 capacity=20 channels=default,createrepo
tag base
tag f44 parents=base
tag other
tag f44-build arches=x86_64 parents=f44
tag other-build arches=x86_64 parents=other
target f44 build=f44-build dest=f44
target other build=other-build dest=other
group f44-build build
member f44-build build mandatory bash
package bash tag=f44
package foo tag=f44
package deep tag=base
package alien tag=other
build bash-5-1 tag=f44
 binary bash
build foo-1-1 tag=f44
 requires bash
 binary foo
build foo-2-1
 requires bash
 binary foo
build deep-1-1 tag=base
 binary deep
build deep-2-1
 binary deep
build alien-1-1
 binary alien
repo f44-build
`

func newSmall(t *testing.T) *fixture {
	t.Helper()
	return newFixture(t, scenario.World(t, smallWorld), "koschei", "secret")
}

// last describes the last build of a package in each collection, by their ids.
func (f *fixture) last(pkg string) string {
	f.T.Helper()
	builds := map[int64]string{}
	for _, b := range f.BuildsOf(pkg) {
		builds[b.ID] = fmt.Sprintf(" %s %s %s", b.Origin, b.Version, b.Outcome)
	}
	var all []string
	for _, p := range f.Packages() {
		if p.Name == pkg {
			all = append(all, string(p.State)+builds[p.LastBuildID])
		}
	}
	return strings.Join(all, "; ")
}

// TestEvents lets one thing after the other happen at the hub. A second
// collection has the same destination tag.
func TestEvents(t *testing.T) {
	t.Parallel()
	f := newSmall(t)
	f.AddCollection("twin", "f44-build")
	f.Poll()
	f.hear()
	amend := func(lines string) {
		t.Helper()
		if err := worldtext.Amend(f.Hub, lines); err != nil {
			t.Fatal(err)
		}
	}
	ok := func(version string) string {
		return "ok real " + version + " complete; ok real " + version + " complete"
	}
	steps := []struct {
		name   string
		happen func()
		pkg    string
		want   string
	}{
		{"a build is tagged", func() { f.Administer("tagBuildBypass", "f44", "foo-2-1") }, "foo", ok("2")},
		{"a build is untagged", func() { f.Administer("untagBuildBypass", "f44", "foo-2-1") }, "foo", ok("1")},
		{"one is tagged in a tag that is inherited", func() { f.Administer("tagBuildBypass", "base", "deep-2-1") }, "deep", ok("2")},
		{"one is tagged in a tag of nobody", func() { f.Administer("tagBuildBypass", "other", "alien-1-1") }, "alien", ""},
		{"a package is blocked", func() { amend("block foo tag=f44") }, "foo", "blocked real 1 complete; blocked real 1 complete"},
		{"it is not blocked any more", func() { amend("unblock foo tag=f44") }, "foo", ok("1")},
		{"a package is new", func() { amend("package alien tag=f44") }, "alien", "untracked; untracked"},
	}
	for _, step := range steps {
		step.happen()
		if f.hear() == 0 {
			t.Errorf("%s: nothing was heard of it", step.name)
		}
		if got := f.last(step.pkg); got != step.want {
			t.Errorf("%s: %s is %q, want %q", step.name, step.pkg, got, step.want)
		}
	}
}

// submit has a package's tagged source built, as the scheduler does, for some
// records.
func submit(f *fixture, pkg string, records ...*pgtest.World) {
	f.T.Helper()
	ctx := f.T.Context()
	builds, err := f.Stage.Sync.Primary.ListTagged(ctx, koji.TagQuery{Tag: "f44", Package: pkg, Latest: true, Inherit: true})
	if err != nil || len(builds) != 1 {
		f.T.Fatal(builds, err)
	}
	srpm, err := f.Stage.Sync.Primary.SRPM(ctx, builds[0].ID)
	if err != nil {
		f.T.Fatal(err)
	}
	event, err := f.Stage.Sync.Primary.LastEvent(ctx)
	if err != nil {
		f.T.Fatal(err)
	}
	task, err := f.Stage.Sync.Primary.Build(ctx, koji.ScratchBuild{
		Key: fmt.Sprint(event.ID), Source: koji.SourcePath("../packages", &builds[0].Build, srpm.NEVRA()), Target: "f44",
	})
	if err != nil {
		f.T.Fatal(err)
	}
	for _, w := range records {
		w.Build(pkg, f.Clock.Now(), pgtest.EVR(builds[0].EVR()), pgtest.At(event.ID), pgtest.Task(task))
	}
}

// TestTask follows a scratch build through its messages.
func TestTask(t *testing.T) {
	t.Parallel()
	f := newSmall(t)
	submit(f, "foo", f.World)
	for range 20 {
		f.tick(time.Minute)
		f.hear()
	}
	if got, want := f.last("foo"), "ok scratch 1 complete"; got != want {
		t.Errorf("foo is %q, want %q", got, want)
	}
	if len(f.BuildTasks()) == 0 {
		t.Error("no tasks of the build are known")
	}
	// Tasks of strangers cost the hub nothing.
	f.called("getTaskInfo")
	f.called("multiCall")
	f.Handle(t.Context(), []*bus.Message{f.say("task.state.change", map[string]any{"id": 4711, "attribute": "state"})})
	if n := f.called("multiCall") + f.called("getTaskInfo"); n != 0 {
		t.Errorf("a task of a stranger cost %d calls", n)
	}
}

// TestDeleted hears that a tagged build was deleted, though not that it was
// untagged before.
func TestDeleted(t *testing.T) {
	t.Parallel()
	f := newSmall(t)
	id := f.BuildsOf("foo")[0].KojiBuildID
	f.Administer("untagBuildBypass", "f44", "foo-1-1")
	f.mail = nil // lost
	stranger := f.say("build.state.change", map[string]any{"build_id": id + 1000, "name": "foo", "attribute": "state"})
	f.Handle(t.Context(), []*bus.Message{stranger})
	if got, want := f.last("foo"), "ok real 1 complete"; got != want {
		t.Errorf("after a message about a build that is not recorded foo is %q, want %q", got, want)
	}
	f.Handle(t.Context(), []*bus.Message{f.say("build.state.change", map[string]any{"build_id": id, "name": "foo", "attribute": "state"})})
	if got, want := f.last("foo"), "unknown"; got != want {
		t.Errorf("foo is %q, want %q", got, want)
	}
}

// TestRepo wakes the repo-resolver for the collections with the tag, and no
// other.
func TestRepo(t *testing.T) {
	t.Parallel()
	f := newSmall(t)
	f.AddCollection("other", "other-build")
	id := f.CollectionRow("f44").ID
	listener := f.Store.PG.NewListener(koschei.ServiceRepoResolver)
	listening := make(chan struct{})
	defer func() { <-listening }()
	ctx, stop := withCancel(t)
	defer stop()
	go func() {
		defer close(listening)
		listener.Run(ctx, func(err error) { t.Error(err) })
	}()
	alarm := listener.Alarm(koschei.ServiceRepoResolver)
	f.awaitHearing(alarm)
	f.NewRepo()
	f.tick(time.Minute)
	f.hear()
	select {
	case <-alarm.Bell():
	case <-time.After(time.Minute):
		t.Fatal("nobody was woken")
	}
	if woken, all := alarm.Rung(); all || !slices.Equal(woken, []int64{id}) {
		t.Errorf("woken for %v, all %v, want for %d alone", woken, all, id)
	}
}

// TestBurst tells of a mass tag, all at once. What it costs the hub does not
// depend on the number of builds.
func TestBurst(t *testing.T) {
	t.Parallel()
	f := newSmall(t)
	for _, test := range []struct {
		packages, twice           int
		listTagged, multiCallsMax int
	}{
		{1, 1, 0, 2},
		{50, 3, 0, 2},
		{51, 1, 1, 1},
		{5000, 1, 1, 1},
	} {
		var batch []*bus.Message
		for range test.twice {
			for n := range test.packages {
				batch = append(batch, f.say("tag", map[string]any{"tag": "f44", "name": fmt.Sprintf("pkg%d", n)}))
			}
		}
		f.called("listTagged")
		f.called("multiCall")
		if again := f.Handle(t.Context(), batch); len(again) != 0 {
			t.Errorf("%d messages of %d are to come again", len(again), len(batch))
		}
		if n, m := f.called("listTagged"), f.called("multiCall"); n != test.listTagged || m > test.multiCallsMax {
			t.Errorf("%d messages cost %d calls of listTagged and %d of multiCall, want %d and at most %d",
				len(batch), n, m, test.listTagged, test.multiCallsMax)
		}
	}
	// Side tags are many, and nobody's: the hub is asked once what is inherited.
	var batch []*bus.Message
	for n := range 1000 {
		batch = append(batch, f.say("tag", map[string]any{"tag": fmt.Sprintf("f44-side-%d", n), "name": "foo"}))
	}
	f.called("getFullInheritance")
	f.Clock.Step(time.Hour)
	f.Handle(t.Context(), batch)
	f.Handle(t.Context(), batch)
	if n, m := f.called("getFullInheritance"), f.called("multiCall"); n != 1 || m != 0 {
		t.Errorf("2,000 messages about side tags cost %d questions about inheritance and %d others, want 1 and 0", n, m)
	}
}

// TestAway takes the hub away: messages come again, until they are too old;
// what the hub refuses to answer does not.
func TestAway(t *testing.T) {
	t.Parallel()
	f := newSmall(t)
	f.Administer("tagBuildBypass", "f44", "foo-2-1")
	batch := f.mail
	ignored := f.say("tag", map[string]any{"tag": "f44"})
	f.Hub.SetFaults(kojihub.Faults{Offline: "database outage"})
	if again := f.Handle(t.Context(), append(slices.Clone(batch), ignored)); !slices.Equal(again, batch) {
		t.Errorf("while the hub is away %d messages are to come again, want %d", len(again), len(batch))
	}
	f.Hub.SetFaults(kojihub.Faults{})
	if again := f.Handle(t.Context(), batch); len(again) != 0 {
		t.Errorf("when the hub is back %d messages are to come again", len(again))
	}
	if got, want := f.last("foo"), "ok real 2 complete"; got != want {
		t.Errorf("foo is %q, want %q", got, want)
	}

	f.Hub.SetFaults(kojihub.Faults{HTML503: true})
	late := *batch[0]
	late.Redelivered = true
	f.Clock.Step(2 * time.Hour)
	if again := f.Handle(t.Context(), []*bus.Message{&late}); len(again) != 0 {
		t.Error("a message of two hours ago is to come again")
	}
	f.Hub.SetFaults(kojihub.Faults{})

	f.SetCollection("f44", pgtest.DestTag("gone"))
	gone := f.say("tag", map[string]any{"tag": "gone", "name": "foo"})
	var many []*bus.Message
	for n := range 60 {
		many = append(many, f.say("tag", map[string]any{"tag": "gone", "name": fmt.Sprint(n)}))
	}
	if again := f.Handle(t.Context(), append(many, gone)); len(again) != 0 {
		t.Errorf("%d messages about a tag that is gone are to come again", len(again))
	}
	want := []string{`{"done":1,"failed":62,"put_off":1,"unreadable":1}`}
	if diff := cmp.Diff(want, []string{f.outcomes()}); diff != "" {
		t.Errorf("messages by outcome (-want +got):\n%s", diff)
	}
}
