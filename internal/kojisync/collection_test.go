package kojisync_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
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
	for _, name := range []string{"bash", "docs", "foo"} {
		f.SetPackage(name, pgtest.Tracked(true))
	}
	f.SetCollection("f40", pgtest.DestTag("f40-old"))
	check("blocked and gone", "bash unknown", "docs blocked", "foo blocked", "old blocked", "older untracked")
	f.SetCollection("f40", pgtest.DestTag("f40"))
	check("back", "bash unknown", "docs unknown", "foo unknown", "old blocked", "older blocked")
	f.SetCollection("f40", pgtest.DestTag("f40-build"))
	check("inherited", "bash unknown", "docs unknown", "foo unknown", "old blocked", "older blocked")
	if got := f.StateMessages(); len(got) > 0 {
		t.Errorf("messages %v, want none", got)
	}
}

func TestUnknownTag(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.poll()
	f.TrackAll()
	before := f.packages()
	for _, tag := range []string{"nosuch", "f40-none"} {
		if tag == "f40-none" {
			f.Administer("createTag", tag)
		}
		f.SetCollection("f40", pgtest.DestTag(tag))
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
	f.TrackAll()
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

	f.Administer("tagBuildBypass", "f40", "foo-2-1")
	f.poll()
	check("updated", "real complete 3:1-1", "scratch complete 3:1-1", "real complete 0:2-1 last")

	f.submit("foo")
	f.pass(1e12)
	f.follow()
	f.Administer("untagBuildBypass", "f40", "foo-2-1")
	f.poll()
	check("untagged, with the scratch build of its source",
		"real complete 3:1-1", "scratch complete 3:1-1 last", "real complete 0:2-1 untagged", "scratch complete 0:2-1 untagged")

	f.Administer("tagBuildBypass", "f40", "foo-2-1")
	f.poll()
	check("tagged again", "real complete 3:1-1", "scratch complete 3:1-1", "real complete 0:2-1", "scratch complete 0:2-1 last")

	f.Administer("tagBuildBypass", "f40", "foo-1-1", true)
	f.poll()
	check("the older one tagged last", "real complete 0:2-1", "scratch complete 0:2-1", "real complete 3:1-1", "scratch complete 3:1-1 last")

	f.Administer("untagBuildBypass", "f40", "foo-1-1")
	f.Administer("untagBuildBypass", "f40", "foo-2-1")
	f.poll()
	check("all untagged",
		"real complete 0:2-1 untagged", "scratch complete 0:2-1 untagged", "real complete 3:1-1 untagged", "scratch complete 3:1-1 untagged")
	if got := f.PackageRow("foo").State; got != koschei.StateUnknown {
		t.Errorf("foo is %s without any tagged build, want unknown", got)
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
	f.SetCollection("f40", pgtest.OnlyTracked())
	f.SetPackage("bash", pgtest.Tracked(true))
	f.poll()
	want := []string{"bash"}
	var got []string
	for _, b := range f.Builds() {
		got = append(got, b.Package)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("builds of (-want +got):\n%s", diff)
	}
}

// TestRealBuild has a packager build an update.
func TestRealBuild(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.poll()
	f.TrackAll()
	f.SetPackages(pgtest.ManualPriority(5), pgtest.BuildPriority(6), pgtest.StaticPriority(8), pgtest.Faults(2))
	f.SetDependencyPriorities(7)
	f.world.Break(breakage("1"))
	f.submit("foo")
	f.pass(1e12)
	f.follow()
	if diff := cmp.Diff([]string{"real complete 3:1-1", "scratch failed 3:1-1 last"}, f.builds("foo")); diff != "" {
		t.Fatalf("before (-want +got):\n%s", diff)
	}
	f.SetPackages(pgtest.ManualPriority(5), pgtest.BuildPriority(6), pgtest.Faults(2))
	f.SetDependencyPriorities(7)
	f.Administer("tagBuildBypass", "f40", "foo-2-1")
	f.poll()
	want := []string{"real complete 3:1-1", "scratch failed 3:1-1", "real complete 0:2-1 last"}
	if diff := cmp.Diff(want, f.builds("foo")); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	got := []string{
		fmt.Sprint(f.priorities("bash"), " ", f.PackageRow("bash").Faults),
		fmt.Sprint(f.priorities("foo"), " ", f.PackageRow("foo").Faults),
	}
	if diff := cmp.Diff([]string{"ok 5 8 6 7 2", "ok 0 8 0 0 0"}, got); diff != "" {
		t.Errorf("bash and foo: state and priorities (-want +got):\n%s", diff)
	}
	wantMessages := []string{"foo ignored failing", "foo failing ok"}
	if got := f.StateMessages(); !cmp.Equal(got[len(got)-1:], wantMessages[1:]) {
		t.Errorf("messages %v, want them to end in %v", got, wantMessages)
	}
}

func TestSourceFacts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.poll()
	want := []string{
		"bash-5-1 requires [] conflicts [] arches [] [] []",
		`docs-1-1 requires ["nothing-that-exists"] conflicts [] arches ["noarch"] [] []`,
		`foo-1-1 requires ["bash >= 4" "(bash if docs)"] conflicts [] arches [] ["x86_64" "aarch64"] []`,
	}
	facts := func() []string {
		var lines []string
		for _, s := range f.SRPMs() {
			lines = append(lines, fmt.Sprintf("%s-%s-%s requires %q conflicts %q arches %q %q %q",
				s.Name, s.Version, s.Release, s.BuildRequires, s.BuildConflicts, s.BuildArchs, s.ExclusiveArch, s.ExcludeArch))
		}
		return lines
	}
	if diff := cmp.Diff(want, facts()); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	f.Administer("tagBuildBypass", "f40", "foo-2-1")
	f.poll()
	want = append(want, `foo-2-1 requires ["bash"] conflicts ["docs < 1"] arches [] [] []`)
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
	if got := f.SRPMs(); len(got) != 3 {
		t.Errorf("facts of %v, want of three", got)
	}
}

// A build without a source package, as one of an image, is asked about once a
// week; one that the hub says nothing about after longer and longer. Each is
// told once.
func TestSilentSources(t *testing.T) {
	t.Parallel()
	w := scenario.World(t, smallWorld+`
package disk tag=f40
build disk-1-1 tag=f40
 image
package lost tag=f40
build lost-1-1 tag=f40
`)
	var asked []string
	stage := scenario.New(t, w, scenario.Empty(), scenario.Through(func(hub http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return // the client left
			}
			if bytes.Contains(body, []byte("getRPMDeps")) {
				for _, name := range []string{"disk", "lost", "bash"} {
					if bytes.Contains(body, []byte("<string>"+name+"</string>")) {
						asked = append(asked, name)
					}
				}
				body = bytes.ReplaceAll(body, []byte("<string>lost</string>"), []byte("<string>unreadable</string>"))
			}
			req.Body = io.NopCloser(bytes.NewReader(body))
			hub.ServeHTTP(rw, req)
		})
	}))
	var log bytes.Buffer
	stage.Sync.Log = slog.New(slog.NewTextHandler(&log, nil))
	stage.Collection("f40")
	f := &fixture{Sync: stage.Sync, Stage: stage, t: t, world: w, hub: stage.Hub, clock: stage.Clock}
	f.poll()
	if diff := cmp.Diff([]string{"disk", "lost", "bash"}, asked); diff != "" {
		t.Errorf("asked about at first (-want +got):\n%s", diff)
	}
	for _, text := range []string{`level=INFO msg="builds without a source package" sources=1 about=disk-1-1`, `level=WARN msg="source packages that Koji says nothing about" sources=1 about=lost-1-1`} {
		if !strings.Contains(log.String(), text) {
			t.Errorf("the log has no %s:\n%s", text, log.String())
		}
	}
	asked = nil
	log.Reset()
	for range 24 {
		f.clock.Step(time.Hour)
		f.poll()
	}
	if diff := cmp.Diff([]string{"lost", "lost", "lost", "lost", "lost", "lost"}, asked); diff != "" {
		t.Errorf("asked about in a day (-want +got):\n%s", diff)
	}
	if strings.Contains(log.String(), "source") {
		t.Errorf("told again:\n%s", log.String())
	}
	asked = nil
	for range 8 {
		f.clock.Step(24 * time.Hour)
		f.poll()
	}
	if n := slices.Index(asked, "disk"); n < 0 {
		t.Errorf("asked about in a week: %v, want the image, too", asked)
	}
}
