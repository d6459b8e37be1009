package reporesolver

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/scenario"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// small is a world in which everything is tagged by hand.
const small = `
start 2026-11-23T12:00:00Z
user root password=secret perms=admin
channel default
host builder1 arches=x86_64 capacity=20 channels=default
tag f44
tag f44-build arches=x86_64 parents=f44
target f44 build=f44-build dest=f44
group f44-build build
member f44-build build mandatory bash
package bash tag=f44
package gcc tag=f44
package glibc tag=f44
package foo tag=f44
build bash-5-1 tag=f44
 requires gcc
 binary bash
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
	return s.Lines(`SELECT name || ' ' || state || ' ' || resolution || ' ' || coalesce(dependency_priority, 0)
		FROM package LEFT JOIN resolution ON package_id = id
		ORDER BY name`)
}

func (s *sim) expect(what string, got []string, want ...string) {
	s.T.Helper()
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		s.T.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// baseline stores the present answer as what a package's last build was made
// with, as the build-resolver would.
func (s *sim) baseline(name string) {
	s.T.Helper()
	s.Exec(`
		INSERT INTO dependency_set (hash, size, content)
		SELECT set_hash, 1, set_content
		FROM resolution JOIN package ON id = package_id
		WHERE name = $1
		ON CONFLICT DO NOTHING`, name)
	s.Exec(`
		UPDATE build b
		SET deps = 'resolved', dependency_set_id = d.id
		FROM package p
		JOIN resolution r ON r.package_id = p.id
		JOIN dependency_set d ON d.hash = r.set_hash
		WHERE b.id = p.last_complete_build_id AND p.name = $1`, name)
	s.Exec(`UPDATE package SET resolved_build_id = NULL WHERE name = $1`, name)
}

func TestPrioritiesFollowUpdates(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	s.expect("before any update", s.packages(), "bash ok resolved 0", "foo ok resolved 0", "gcc ok resolved 0", "glibc ok resolved 0")
	s.baseline("foo")
	s.tag("gcc-2-1")
	s.NewRepo()
	s.mustPass()
	s.expect("after an update", s.packages(), "bash ok resolved 0", "foo ok resolved 256", "gcc ok resolved 0", "glibc ok resolved 0")
	s.tag("glibc-2-1")
	s.NewRepo()
	s.mustPass()
	s.expect("after another", s.packages(), "bash ok resolved 0", "foo ok resolved 384", "gcc ok resolved 0", "glibc ok resolved 0")
	s.expect("changes of the last repo", s.Lines(`
		SELECT source || ' ' || p.version || ' ' || n.version
		FROM repo_change r
		JOIN collection c ON c.latest_repo_id = r.repo_id
		JOIN nevra p ON p.id = r.prev[1]
		JOIN nevra n ON n.id = r.curr[1]`), "glibc 1 2")

	// A build that is running changes nothing, and one that ended does not
	// until it is known what it was made with.
	s.Exec(`
		INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, started, repo_id)
		SELECT id, 'scratch', 'running', 1000000, 1000000, '1', '1', $1, 1
		FROM package WHERE name = 'foo'`, s.Now())
	s.NewRepo()
	s.mustPass()
	s.expect("while a build is running", s.packages()[1:2], "foo ok resolved 384")
}

// TestForgottenPackages has an operator clean up, so that packages which are in
// no buildroot lose the numbers that the service knows them by.
func TestForgottenPackages(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	cleaned, err := s.DB.Cleanup(t.Context(), postgres.Author{Name: "test", Environment: postgres.FromAdmin, Now: s.Clock.Now()}, postgres.Retention{})
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
	s.expect("changes of the last repo", s.Lines(`
		SELECT source || ' ' || p.version || ' ' || n.version
		FROM repo_change r
		JOIN nevra p ON p.id = r.prev[1]
		JOIN nevra n ON n.id = r.curr[1]`), "foo 1 3")
}

func TestUnresolvedPackage(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	latest := s.Number(`SELECT latest_repo_id FROM collection`)
	s.tag("foo-2-1")
	s.Poll()
	s.mustPass()
	s.expect("a new build is resolved without a new repo", s.packages()[1:2], "foo unresolved unresolved 0")
	s.expect("its problems", s.Lines(`SELECT unnest(problems) FROM resolution_change WHERE NOT resolved`),
		"BuildRequires: nothing-that-exists: nothing provides it")
	if now := s.Number(`SELECT latest_repo_id FROM collection`); now != latest {
		t.Errorf("latest repo %d, it was %d", now, latest)
	}
	s.NewRepo()
	s.mustPass()
	if n := s.Number(`SELECT packages_failed FROM repo ORDER BY repo_id DESC LIMIT 1`); n != 1 {
		t.Errorf("%d packages failed, want 1", n)
	}
	s.tag("foo-3-1")
	s.Poll()
	s.mustPass()
	s.expect("a build that can be resolved", s.packages()[1:2], "foo ok resolved 0")
	s.expect("transitions", s.Lines(`
		SELECT r.resolved || ' in ' || r.repo_id
		FROM resolution_change r
		JOIN package p ON p.id = r.package_id
		WHERE p.name = 'foo'
		ORDER BY r.id`), "true in 1", "false in 1", "true in 2")
	s.expect("messages", s.Lines(`
		SELECT body->>'name' || ' ' || (body->>'old') || ' ' || (body->>'new')
		FROM outbox
		WHERE topic = 'package.state.change' AND body->>'name' = 'foo'
		ORDER BY id`), "foo ignored ok", "foo ok unresolved", "foo unresolved ok")
}

// A collection whose tag does not exist, one whose group does not, and one
// that is well.
func TestTroubleStaysApart(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.AddCollection("gone", "gone-build")
	s.Exec(`UPDATE collection SET "order" = 200, dest_tag = 'f44' WHERE name = 'gone'`)
	s.AddCollection("groupless", "f44-build")
	s.Exec(`UPDATE collection SET "order" = 150, build_group = 'no-such-group' WHERE name = 'groupless'`)
	for range 3 {
		if err := s.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.expect("collections", s.Lines(`SELECT name || ' ' || latest_repo_resolved FROM collection ORDER BY name`),
		"f44 resolved", "gone unattempted", "groupless unresolved")
	s.expect("why", s.Lines(`SELECT unnest(problems) FROM repo`), "tag f44-build has no group no-such-group")
	if troubles := s.troubles(); len(troubles) != 1 {
		t.Errorf("troubles %v", troubles)
	}
	s.Exec(`DELETE FROM collection WHERE name = 'gone'`)
	s.Clock.Step(time.Hour)
	s.Hub.SetFaults(kojisim.Faults{HTML503: true})
	if err := s.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Hub.SetFaults(kojisim.Faults{})
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
const twoTags = small + `tag f45
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
	s.Exec(`UPDATE collection SET dest_tag = 'f45' WHERE name = 'f45'`)
	s.Poll()
	s.mustPass()
	s.pace = time.Millisecond
	busy, other, goOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
	intern := s.Repos.Intern
	s.Repos.Intern = func(ctx context.Context, nevras []rpm.NEVRA) ([]int32, error) {
		for _, n := range nevras {
			switch {
			case n.Name == "gcc" && n.Version == "2":
				close(busy)
				<-goOn
			case n.Name == "tar" && n.Version == "2":
				close(other)
			}
		}
		return intern(ctx, nevras)
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
	s.expect("repos resolved", s.Lines(`SELECT c.name || ' ' || count(*) FROM repo r JOIN collection c ON c.id = r.collection_id
		WHERE r.resolved = 'resolved' GROUP BY c.name ORDER BY c.name`), "f44 2", "f45 2")
}

// What nobody wants resolved is not, and is resolved at once when somebody
// does again, in the repo that is the latest then.
func TestIneligible(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.Exec(`UPDATE package SET tracked = false WHERE name = 'bash'`)
	s.Exec(`UPDATE package SET skip_resolution = true WHERE name = 'gcc'`)
	s.mustPass()
	s.expect("packages", s.packages(), "bash untracked unattempted 0", "foo ok resolved 0", "gcc ok unattempted 0", "glibc ok resolved 0")
	s.Exec(`UPDATE package SET blocked = true WHERE name = 'foo'`)
	s.tag("gcc-2-1")
	s.NewRepo()
	s.mustPass()
	s.Exec(`UPDATE package SET tracked = true, blocked = false, skip_resolution = false`)
	s.mustPass()
	s.expect("packages", s.packages(), "bash ok resolved 0", "foo ok resolved 0", "gcc ok resolved 0", "glibc ok resolved 0")
	if n := s.Number(`SELECT repo_id FROM resolution r JOIN package p ON p.id = r.package_id WHERE p.name = 'foo'`); n != 2 {
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
	changes := s.Number(`SELECT count(*) FROM repo_change`)
	_, err := s.DB.EditCollection(t.Context(), postgres.Author{Name: "test", Environment: "admin", Now: s.Now()}, "f44",
		func(c *koschei.Collection) error {
			c.BuildGroup = "nothing"
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	s.mustPass()
	s.expect("the collection", s.Lines(`SELECT latest_repo_id || ' ' || latest_repo_resolved FROM collection`), "2 unresolved")
	if n := s.Number(`SELECT count(*) FROM repo_change`); n != changes || n == 0 {
		t.Errorf("%d changes of repos known, they were %d", n, changes)
	}
}

// Two processes at once write what one would.
func TestTwoResolvers(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	other := Service{
		DB: s.DB, Koji: s.Koji, Repos: s.Repos, Log: s.Log, Now: s.Now, Holder: "other", Rules: s.Rules,
	}
	done := make(chan error)
	go func() { done <- other.pass(t.Context()) }()
	if err := s.pass(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := s.Number(`SELECT count(*) FROM resolution_change`); n != 4 {
		t.Errorf("%d transitions of 4 packages", n)
	}
}

// A generated world that moves on for a while.
func TestManyRepos(t *testing.T) {
	t.Parallel()
	world, err := kojisim.Generate(kojisim.GeneratorOptions{
		Packages: 80, Seed: 1, History: 48 * time.Hour,
		Rules: &kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 2, RepoDeleteAfter: 24 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newSim(t, world)
	s.mustPass()
	if n := s.Number(`SELECT count(*) FROM package WHERE resolution = 'unattempted'`); n != 0 {
		t.Errorf("%d packages were not tried", n)
	}
	was := strings.Join(s.Lines(`SELECT xmin::text FROM package ORDER BY id`), " ")
	s.mustPass()
	if now := strings.Join(s.Lines(`SELECT xmin::text FROM package ORDER BY id`), " "); now != was {
		t.Error("a pass without news wrote")
	}
	for range 40 {
		s.Clock.Step(time.Hour)
		s.Poll()
		s.mustPass()
	}
	if n := s.Number(`SELECT count(*) FROM repo`); n < 8 {
		t.Errorf("only %d repos in 40 hours", n)
	}
	if n := s.Number(`SELECT count(*) FROM resolution r JOIN package p ON p.id = r.package_id
		WHERE (p.resolution = 'resolved') <> (r.set_hash IS NOT NULL)`); n != 0 {
		t.Errorf("%d packages say otherwise than their resolution", n)
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
	event := s.Number(`SELECT latest_repo_event FROM collection`)
	s.tag("gcc-2-1")
	s.NewRepo()
	s.mustPass()
	s.tag("glibc-2-1")
	s.NewRepo()
	s.Administer("newRepo", "f44-build", event)
	s.Clock.Step(time.Hour)
	s.expect("repos at the hub", []string{s.newestRepo()}, "4")
	s.mustPass()
	s.expect("latest", s.Lines(`SELECT latest_repo_id FROM collection`), "3")
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
	all, err := s.DB.Freshness(s.T.Context())
	if err != nil {
		s.T.Fatal(err)
	}
	f := all[s.Number(`SELECT id FROM collection`)]
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
	s.expect("verdicts", s.packages()[1:2], "foo ok resolved 0")
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
	s.Exec(`UPDATE collection SET build_group = 'build', build_tag = 'gone-build'`)
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
	s.Exec(`UPDATE collection SET build_tag = 'f44-build'`)
	s.mustPass()
	if r := s.fresh().Report("repo-resolver"); r.Trouble != "" || r.Failures != 0 || r.Succeeded.Before(began) {
		t.Errorf("stored when it was over: %+v", r)
	}
}
