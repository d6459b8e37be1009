package reporesolver

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/maintain"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/scenario"
)

// small is the common world, in which bash is built with gcc, with packages that
// are tagged by hand.
var small = strings.Replace(scenario.CommonWorld, "build bash-5-1 tag=f44", "build bash-5-1 tag=f44\n requires gcc", 1) + `
package gcc tag=f44
package glibc tag=f44
package foo tag=f44
build gcc-1-1 tag=f44
 requires bash
 binary gcc
  requires libc
build gcc-2-1
 requires bash
 binary gcc
  requires libc
build glibc-1-1 tag=f44
 binary glibc
  provides libc
build glibc-2-1
 binary glibc
  provides libc
build foo-1-1 tag=f44
 requires gcc
 binary foo
build foo-2-1
 requires nothing-that-exists
 binary foo
build foo-3-1
 requires glibc
 binary foo
repo f44-build
`

// tag puts a build into the destination tag.
func (s *sim) tag(nvr string) {
	s.T.Helper()
	s.Administer("tagBuildBypass", "f44", nvr)
	s.Clock.Step(time.Minute)
}

// packages tells the state, resolution and dependency priority of each package.
func (s *sim) packages() []string {
	var lines []string
	for _, p := range s.Packages() {
		lines = append(lines, fmt.Sprintf("%s %s %s %d", p.Name, p.State, p.Resolution, p.DependencyPriority))
	}
	return lines
}

// collection is the row of f44.
func (s *sim) collection() pgtest.Collection {
	s.T.Helper()
	return s.CollectionRow("f44")
}

// changed are the changes of all repos, as repo, source and versions.
func (s *sim) changed() []string {
	s.T.Helper()
	var lines []string
	for _, c := range s.RepoChanges() {
		lines = append(lines, fmt.Sprintf("%d %s %s %s", c.RepoID, c.Source, c.Prev, c.Curr))
	}
	return lines
}

func TestPrioritiesFollowUpdates(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	s.Expect("before any update", s.packages(), "bash ok resolved 0", "foo ok resolved 0", "gcc ok resolved 0", "glibc ok resolved 0")
	s.BuiltWithVerdict("foo")
	s.tag("gcc-2-1")
	s.NewRepo()
	s.mustPass()
	s.Expect("after an update", s.packages(), "bash ok resolved 0", "foo ok resolved 256", "gcc ok resolved 0", "glibc ok resolved 0")
	s.tag("glibc-2-1")
	s.NewRepo()
	s.mustPass()
	s.Expect("after another", s.packages(), "bash ok resolved 0", "foo ok resolved 384", "gcc ok resolved 0", "glibc ok resolved 0")
	s.Expect("changes of repos", s.changed(), "2 gcc 1 2", "3 glibc 1 2")

	// A build that is running changes nothing, and one that ended does not
	// until it is known what it was made with.
	s.Build("foo", s.Now(), pgtest.At(1_000_000), pgtest.Task(1_000_000), pgtest.InRepo(1))
	s.NewRepo()
	s.mustPass()
	s.Expect("while a build is running", s.packages()[1:2], "foo ok resolved 384")
}

// TestForgottenPackages has an operator clean up, so that packages which are in
// no buildroot lose the numbers that the service knows them by.
func TestForgottenPackages(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	cleaned, err := s.Store.Cleanup(t.Context(), audit.Act{Actor: koschei.Actor{Name: "test", From: koschei.FromAdmin, Admin: true}, Now: s.Clock.Now()}, maintain.Retention{})
	if err != nil || cleaned.NEVRAs == 0 {
		t.Fatalf("cleaned up %+v: %v", cleaned, err)
	}
	s.tag("foo-3-1")
	s.NewRepo()
	if err := s.pass(t.Context()); err != nil { // finds out, and is in trouble
		t.Fatal(err)
	}
	s.Clock.Step(time.Minute)
	s.mustPass()
	s.Expect("changes of repos", s.changed(), "2 foo 1 3")
}

func TestUnresolvedPackage(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	latest := s.collection().LatestRepoID
	s.tag("foo-2-1")
	s.Poll()
	s.mustPass()
	s.Expect("a new build is resolved without a new repo", s.packages()[1:2], "foo unresolved unresolved 0")
	var problems []string
	for _, change := range s.Transitions() {
		if !change.Resolved {
			problems = append(problems, change.Problems...)
		}
	}
	s.Expect("its problems", problems, "BuildRequires: nothing-that-exists: nothing provides it")
	if now := s.collection().LatestRepoID; now != latest {
		t.Errorf("latest repo %d, it was %d", now, latest)
	}
	s.NewRepo()
	s.mustPass()
	if n := s.NewestRepo().PackagesFailed; n != 1 {
		t.Errorf("%d packages failed, want 1", n)
	}
	s.tag("foo-3-1")
	s.Poll()
	s.mustPass()
	s.Expect("a build that can be resolved", s.packages()[1:2], "foo ok resolved 0")
	var transitions []string
	for _, change := range s.TransitionsOf("foo") {
		transitions = append(transitions, fmt.Sprintf("%t in %d", change.Resolved, change.RepoID))
	}
	s.Expect("transitions", transitions, "true in 1", "false in 1", "true in 2")
	messages := slices.DeleteFunc(s.StateMessages(), func(m string) bool { return !strings.HasPrefix(m, "foo ") })
	s.Expect("messages", messages, "foo ignored ok", "foo ok unresolved", "foo unresolved ok")
}

// A collection whose tag does not exist, one whose group does not, and one
// that is well.
func TestTroubleStaysApart(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.AddCollection("gone", "gone-build")
	s.SetCollection("gone", pgtest.Order(200))
	s.AddCollection("groupless", "f44-build")
	s.SetCollection("groupless", pgtest.Order(150), pgtest.BuildGroup("no-such-group"))
	for range 3 {
		if err := s.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var collections, problems []string
	for _, c := range s.Collections() {
		collections = append(collections, fmt.Sprintf("%s %s", c.Name, c.LatestRepoResolved))
	}
	s.Expect("collections", collections, "f44 resolved", "gone unattempted", "groupless unresolved")
	for _, r := range s.World.Repos() {
		problems = append(problems, r.Problems...)
	}
	s.Expect("why", problems, "tag f44-build has no group no-such-group")
	if troubles := s.troubles(); len(troubles) != 1 {
		t.Errorf("troubles %v", troubles)
	}
	s.RemoveCollection("gone")
	s.Clock.Step(time.Hour)
	s.Hub.SetFaults(kojihub.Faults{HTML503: true})
	if err := s.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Hub.SetFaults(kojihub.Faults{})
	s.Clock.Step(time.Hour)
	s.NewRepo()
	if err := s.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, err := s.DB.Collection(t.Context(), "f44"); err != nil || c.LatestRepoID != 2 {
		t.Errorf("after an outage the latest repo is %d, %v", c.LatestRepoID, err)
	}
}

// twoTags is small with another collection's tags beside it.
var twoTags = small + `tag f45
tag f45-build arches=x86_64 parents=f45
target f45 build=f45-build dest=f45
group f45-build build
member f45-build build mandatory tar
package tar tag=f45
build tar-1-1 tag=f45
 binary tar
build tar-2-1
 binary tar
repo f45-build
`

// A new repo of one collection does not wait for that of another.
func TestBusyCollectionKeepsNoOtherWaiting(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, twoTags))
	s.AddCollection("f45", "f45-build")
	s.SetCollection("f45", pgtest.DestTag("f45"))
	s.Poll()
	s.mustPass()
	s.pace = time.Millisecond
	busy, other, goOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
	intern := s.Repos.Intern
	s.Repos.Intern = func(ctx context.Context, nevras []rpm.NEVRA, sources []depset.Source) ([]int32, error) {
		for _, n := range nevras {
			switch {
			case n.Name == "gcc" && n.Version == "2":
				close(busy)
				<-goOn
			case n.Name == "tar" && n.Version == "2":
				close(other)
			}
		}
		return intern(ctx, nevras, sources)
	}
	s.tag("gcc-2-1")
	s.NewRepo()
	done := make(chan error)
	go func() { done <- s.pass(t.Context()) }()
	<-busy
	s.Administer("tagBuildBypass", "f45", "tar-2-1")
	s.Administer("newRepo", "f45-build")
	s.Clock.Step(time.Hour)
	select {
	case <-other:
	case <-time.After(10 * time.Second):
		t.Error("the other collection's repo was not looked at")
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	resolved := map[string]int{}
	for _, r := range s.World.Repos() {
		if r.Resolved == koschei.Resolved {
			resolved[r.Collection]++
		}
	}
	if diff := cmp.Diff(map[string]int{"f44": 2, "f45": 2}, resolved); diff != "" {
		t.Errorf("repos resolved (-want +got):\n%s", diff)
	}
}

// fiveTags is small with the tags of four more collections beside it.
func fiveTags() string {
	world := small
	for _, tag := range []string{"f45", "f46", "f47", "f48"} {
		world += strings.ReplaceAll(`tag F
tag F-build arches=x86_64 parents=F
target F build=F-build dest=F
group F-build build
member F-build build mandatory tar-F
package tar-F tag=F
build tar-F-1-1 tag=F
 binary tar-F
repo F-build
`, "F", tag)
	}
	return world
}

// A dripping is what stands before the hub's files: those of some tags do not
// come.
type dripping struct {
	http.RoundTripper
	tags  []string
	begun chan string   // the tag whose file is asked for
	end   chan struct{} // lets them come
}

func (d *dripping) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, tag := range d.tags {
		if strings.Contains(r.URL.Path, "/"+tag+"-build/") {
			select {
			case d.begun <- tag:
			default:
			}
			select {
			case <-d.end:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
	}
	return d.RoundTripper.RoundTrip(r)
}

// Repos whose files hardly come, even two of them, keep no other collection
// waiting, nor do those that come later.
func TestDrippingReposKeepNoOtherWaiting(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, fiveTags()))
	tags := []string{"f44", "f45", "f46", "f47", "f48"}
	for _, tag := range tags[1:] {
		s.AddCollection(tag, tag+"-build")
		s.SetCollection(tag, pgtest.DestTag(tag))
	}
	s.Poll()
	s.mustPass()
	s.pace = 20 * time.Millisecond
	drip := &dripping{s.Repos.Files.Client.Transport, []string{"f45", "f47"}, make(chan string, 10), make(chan struct{})}
	s.Repos.Files.Client.Transport = drip
	s.NewRepo()
	for _, tag := range tags[1:] {
		s.Administer("newRepo", tag+"-build")
	}
	s.Clock.Step(time.Hour)
	done := make(chan error)
	go func() { done <- s.pass(t.Context()) }()
	resolved := func() map[string]int {
		repos := map[string]int{}
		for _, r := range s.World.Repos() {
			if r.Resolved == koschei.Resolved {
				repos[r.Collection]++
			}
		}
		return repos
	}
	<-drip.begun
	await := func(want int) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
			got := resolved()
			if got["f44"] == want && got["f46"] == want && got["f48"] == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("while two drip, repos are resolved %v, want %d of the others", got, want)
			}
		}
	}
	await(2)
	for _, tag := range []string{"f46", "f48"} { // one more, while the same pass is under way
		s.Administer("newRepo", tag+"-build")
	}
	s.NewRepo()
	s.Clock.Step(time.Hour)
	await(3)
	if got := resolved(); got["f45"] != 1 || got["f47"] != 1 {
		t.Errorf("those that drip are resolved: %v", got)
	}
	close(drip.end)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := resolved(); got["f45"] != 2 || got["f47"] != 2 {
		t.Errorf("when they have come: %v", got)
	}
}

// What nobody wants resolved is not, and is resolved at once when somebody
// does again, in the repo that is the latest then.
func TestIneligible(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.SetPackage("bash", pgtest.Tracked(false))
	s.SetPackage("gcc", pgtest.NotResolved(true))
	s.mustPass()
	s.Expect("packages", s.packages(), "bash untracked unattempted 0", "foo ok resolved 0", "gcc ok unattempted 0", "glibc ok resolved 0")
	s.SetPackage("foo", pgtest.Blocked(true))
	s.tag("gcc-2-1")
	s.NewRepo()
	s.mustPass()
	s.SetPackages(pgtest.Tracked(true), pgtest.Blocked(false))
	s.SetPackage("gcc", pgtest.NotResolved(false))
	s.mustPass()
	s.Expect("packages", s.packages(), "bash ok resolved 0", "foo ok resolved 0", "gcc ok resolved 0", "glibc ok resolved 0")
	if n := s.PackageRow("foo").ResolvedIn; n != 2 {
		t.Errorf("foo has its answer from repo %d, want 2", n)
	}
}

// A collection that is told to resolve otherwise does so in the repo it knows.
func TestEditedCollection(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	s.tag("gcc-2-1")
	s.NewRepo()
	s.mustPass()
	changes := s.RepoChanges()
	_, err := s.Store.EditCollection(t.Context(), audit.Act{Actor: koschei.Actor{Name: "test", From: koschei.FromAdmin, Admin: true}, Now: s.Now()}, "f44",
		func(c *koschei.Collection) error {
			c.BuildGroup = "nothing"
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	s.mustPass()
	if c := s.collection(); c.LatestRepoID != 2 || c.LatestRepoResolved != koschei.Unresolved {
		t.Errorf("the collection is %+v, want it in repo 2, unresolved", c)
	}
	if diff := cmp.Diff(changes, s.RepoChanges()); diff != "" || len(changes) == 0 {
		t.Errorf("changes of repos, of which there were %d (-before +after):\n%s", len(changes), diff)
	}
}

// Two processes at once write what one would.
func TestTwoResolvers(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	other := Service{
		DB: s.DB, Hubs: s.Hubs, Repos: s.Repos, Log: s.Log, Clock: s.Service.Clock, Holder: "other", Rules: s.Rules,
	}
	done := make(chan error)
	go func() { done <- other.pass(t.Context()) }()
	if err := s.pass(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := len(s.Transitions()); n != 4 {
		t.Errorf("%d transitions of 4 packages", n)
	}
}

// A generated world that moves on for a while.
func TestManyRepos(t *testing.T) {
	t.Parallel()
	world, err := distro.Generate(t.Context(), distro.Options{
		Packages: 80, Seed: 1, History: 48 * time.Hour,
		Rules: &kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 2, RepoDeleteAfter: 24 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newSim(t, world)
	s.mustPass()
	was := s.Packages()
	for _, p := range was {
		if p.Resolution == koschei.Unattempted {
			t.Errorf("%s was not tried", p.Name)
		}
	}
	s.mustPass()
	if diff := cmp.Diff(was, s.Packages()); diff != "" {
		t.Errorf("a pass without news wrote (-before +after):\n%s", diff)
	}
	for range 40 {
		s.Clock.Step(time.Hour)
		s.Poll()
		s.mustPass()
	}
	if n := len(s.World.Repos()); n < 8 {
		t.Errorf("only %d repos in 40 hours", n)
	}
	for _, p := range s.Packages() {
		if p.ResolvedIn != 0 && (p.Resolution == koschei.Resolved) != p.Installable {
			t.Errorf("%s says otherwise than its resolution: %+v", p.Name, p)
		}
	}
	c, err := s.DB.Collection(t.Context(), "f44")
	if err != nil || c.State() != koschei.StateOK {
		t.Errorf("the collection is %v, %v", c.State(), err)
	}
}

// TestHiddenRepo has a repo of the past made last.
func TestHiddenRepo(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	event := s.collection().LatestRepoEvent
	s.tag("gcc-2-1")
	s.NewRepo()
	s.mustPass()
	s.tag("glibc-2-1")
	s.NewRepo()
	s.Administer("newRepo", "f44-build", event)
	s.Clock.Step(time.Hour)
	s.Expect("repos at the hub", []string{s.newestRepo()}, "4")
	s.mustPass()
	if got := s.collection().LatestRepoID; got != 3 {
		t.Errorf("the latest repo is %d, want 3", got)
	}
}

// newestRepo is the one that was made last.
func (s *sim) newestRepo() string {
	s.T.Helper()
	r, err := s.Sync.Primary.Repo(s.T.Context(), "f44-build")
	if err != nil {
		s.T.Fatal(err)
	}
	return strconv.FormatInt(r.ID, 10)
}

// fresh is what is stored of how fresh the collection is.
func (s *sim) fresh() *koschei.Freshness {
	s.T.Helper()
	all, err := s.Store.Freshness(s.T.Context())
	if err != nil {
		s.T.Fatal(err)
	}
	f := all[s.collection().ID]
	return &f
}

// A base buildroot that cannot be installed leaves the verdicts what they were,
// and it is told which repo they are about.
func TestFreshnessWithBrokenBuildroot(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	before := s.fresh()
	if before.Verdicts.RepoID == 0 || before.Newer != 0 || before.Newest.RepoID != before.Verdicts.RepoID {
		t.Errorf("after the first repo: %+v", before)
	}
	s.Administer("untagBuildBypass", "f44", "glibc-1-1")
	s.Administer("groupPackageListAdd", "f44-build", "build", "gcc")
	for range 2 {
		s.NewRepo()
		s.mustPass()
	}
	s.Expect("verdicts", s.packages()[1:2], "foo ok resolved 0")
	f := s.fresh()
	if f.Verdicts.RepoID != before.Verdicts.RepoID || f.Newer != 2 || f.Broken != 2 || f.EventsBehind() <= 0 || f.Behind(s.Now()) < time.Hour {
		t.Errorf("with a broken buildroot: %+v, %d events and %v behind", f, f.EventsBehind(), f.Behind(s.Now()))
	}
	s.tag("glibc-2-1")
	s.NewRepo()
	s.mustPass()
	if f := s.fresh(); f.Newer != 0 || f.Verdicts.RepoID <= before.Verdicts.RepoID {
		t.Errorf("when it was mended: %+v", f)
	}
}

// What troubles a collection is stored, from when to when, until it is over. A
// repo that is there is known before it could be read.
func TestTroubleIsStored(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	s.NewRepo()
	s.SetCollection("f44", pgtest.BuildTag("gone-build"))
	began := s.Now()
	for range 2 {
		if err := s.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Clock.Step(time.Hour)
	}
	r := s.fresh().Report("repo-resolver")
	if r.Trouble != "Koji says: No such entry in table tag: gone-build" || r.Failures != 2 || !r.FirstSeen.Equal(began) || !r.LastSeen.Equal(began.Add(time.Hour)) {
		t.Errorf("stored: %+v", r)
	}
	s.SetCollection("f44", pgtest.BuildTag("f44-build"))
	s.mustPass()
	if r := s.fresh().Report("repo-resolver"); r.Trouble != "" || r.Failures != 0 || r.Succeeded.Before(began) {
		t.Errorf("stored when it was over: %+v", r)
	}
}
