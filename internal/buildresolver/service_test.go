package buildresolver

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/scenario"
)

const small = scenario.CommonWorld + `
package gcc tag=f44
package foo tag=f44
build gcc-1-1 tag=f44
 requires bash
 binary gcc
build gcc-2-1
 requires bash
 binary gcc
build foo-1-1 tag=f44
 requires gcc
 binary foo
build foo-2-1
 requires nothing-that-exists
 binary foo
repo f44-build
`

// build adds a build of a package to the record.
func (s *sim) build(name, version string, outcome koschei.Outcome, event, repo int64) int64 {
	s.T.Helper()
	return s.Build(name, s.Now(), pgtest.EVR(rpm.EVR{Version: version, Release: "1"}), pgtest.Outcome(outcome),
		pgtest.At(event), pgtest.Task(1000+event), pgtest.InRepo(repo))
}

// deps tells how far the resolver is with the scratch builds of foo.
func (s *sim) deps() []string {
	s.T.Helper()
	var lines []string
	for _, b := range s.ScratchBuilds() {
		lines = append(lines, fmt.Sprintf("%d %s %d", b.Event, b.Deps, b.SetSize))
	}
	return lines
}

// changes tells the applied changes of all builds, one a line.
func (s *sim) changes() []string {
	s.T.Helper()
	var lines []string
	for _, c := range s.AppliedChanges() {
		what := "nothing"
		if c.Name != "" {
			what = fmt.Sprintf("%s %s %s at %d", c.Name, cmp.Or(c.Prev, "none"), cmp.Or(c.Curr, "gone"), c.Distance)
		}
		lines = append(lines, fmt.Sprintf("%d -> %d: %s", c.From, c.To, what))
	}
	return lines
}

func TestBuilds(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.Administer("tagBuildBypass", "f44", "gcc-2-1")
	s.NewRepo()
	s.build("foo", "1", "complete", 1001, 1)
	running := s.build("foo", "1", "running", 1002, 2)
	s.mustPass()
	s.Expect("builds", s.deps(), "1001 resolved 2", "1002 resolved 2")
	s.Expect("changes", s.changes(), "1001 -> 1002: gcc 1 2 at 1")
	identities := map[string]bool{}
	for _, b := range s.ScratchBuilds() {
		identities[b.InputIdentity] = true
	}
	if len(identities) != 2 || identities[""] {
		t.Errorf("%d input identities of two builds in different buildroots: %v", len(identities), identities)
	}

	// A build that comes to be known late is put between the others.
	s.SetBuild(running, pgtest.Outcome(koschei.OutcomeComplete), pgtest.Finished(s.Now()))
	late := s.build("foo", "1", "failed", 1003, 1)
	s.mustPass()
	s.SetBuild(late, pgtest.At(2000))
	s.build("foo", "1", "infrastructure", 1500, 2)
	s.build("foo", "1", "failed", 1600, 2)
	s.mustPass()
	s.Expect("builds", s.deps(), "1001 resolved 2", "1002 resolved 2", "1500 resolved 2", "1600 resolved 2", "2000 resolved 2")
	s.Expect("changes", s.changes(), "1001 -> 1002: gcc 1 2 at 1", "1002 -> 1500: nothing", "1002 -> 1600: nothing", "1600 -> 2000: gcc 2 1 at 1")
	s.mustPass()
}

func TestUnresolvedBuild(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.Administer("tagBuildBypass", "f44", "foo-2-1")
	s.Poll() // learns what foo-2-1 requires
	s.build("foo", "2", "running", 1001, 1)
	s.mustPass()
	s.Expect("builds", s.deps(), "1001 unresolved 0")
	if n := s.PackageRow("foo").BuildPriority; n != s.Rules.UnresolvedLast {
		t.Errorf("build priority %d, want %d", n, s.Rules.UnresolvedLast)
	}
}

func TestRepoStates(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.NewRepo()
	s.NewRepo()
	s.Administer("repoExpire", 1)
	s.Administer("repoExpire", 2)
	s.Administer("repoDelete", 2)
	s.build("foo", "1", "complete", 1001, 1)
	s.build("foo", "1", "complete", 1002, 2)
	s.build("foo", "1", "complete", 1003, 3)
	s.build("foo", "1", "complete", 1004, 4)
	s.build("foo", "9", "complete", 1005, 3) // nobody knows its source
	s.mustPass()
	s.Expect("builds", s.deps(),
		"1001 resolved 2", "1002 unavailable 0", "1003 resolved 2", "1004 unavailable 0", "1005 pending 0")
}

// A repo that cannot be read is tried again, and keeps no other waiting.
func TestTroubleStaysApart(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.NewRepo()
	s.build("foo", "1", "complete", 1001, 1)
	s.build("foo", "1", "complete", 1002, 2)
	arch := s.Repos.Arch
	s.Repos.Arch = "s390x" // a directory that repos do not have
	if err := s.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.troubles) != 2 {
		t.Errorf("troubles %v, want one for each repo", s.troubles)
	}
	s.Repos.Arch = arch
	s.Clock.Step(time.Hour)
	s.mustPass()
	s.Expect("builds", s.deps(), "1001 resolved 2", "1002 resolved 2")
}

// A repo whose files do not come keeps no builds of another waiting, nor those
// that are made meanwhile.
func TestDrippingRepoKeepsNoOtherWaiting(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	for range 3 {
		s.NewRepo()
	}
	asked, end := make(chan struct{}), make(chan struct{})
	transport := s.Repos.Files.Client.Transport
	s.Repos.Files.Client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "/f44-build/3/") { // the newest, which is looked at first
			select {
			case <-asked:
			default:
				close(asked)
			}
			select {
			case <-end:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
		return transport.RoundTrip(r)
	})
	s.pace = 20 * time.Millisecond
	s.build("foo", "1", "complete", 1003, 3)
	s.build("foo", "1", "complete", 1002, 2)
	done := make(chan error)
	go func() { done <- s.pass(t.Context()) }()
	<-asked
	await := func(want ...string) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !slices.Equal(slices.Sorted(slices.Values(s.deps())), want); <-time.After(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("while a repo drips: %q, want %q", s.deps(), want)
			}
		}
	}
	await("1002 resolved 2", "1003 pending 0")
	s.build("foo", "1", "complete", 1001, 1)
	await("1001 resolved 2", "1002 resolved 2", "1003 pending 0")
	close(end)
	if err := <-done; err != nil {
		t.Error(err)
	}
	await("1001 resolved 2", "1002 resolved 2", "1003 resolved 2")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Two processes at once write what one would.
func TestTwoResolvers(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	for event := range 20 {
		s.build("foo", "1", "complete", 1000+int64(event), 1)
	}
	other := *s.Service
	other.Holder = "other"
	done := make(chan error)
	go func() { done <- other.pass(t.Context()) }()
	if err := s.pass(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	resolved := slices.DeleteFunc(s.ScratchBuilds(), func(b pgtest.Build) bool { return b.Deps != koschei.DepsResolved })
	if n := len(resolved); n != 20 {
		t.Errorf("%d builds resolved of 20", n)
	}
	if n := s.ComparedBuilds(); n != 19 {
		t.Errorf("%d builds have changes, want all but the first", n)
	}
}

// What changed is told with the packages that lead to it.
func TestHowChangesCameIn(t *testing.T) {
	t.Parallel()
	world := strings.NewReplacer(
		" requires bash\n binary gcc\n", " requires bash\n binary gcc\n  requires libc\n",
		"package foo tag=f44", "package foo tag=f44\npackage glibc tag=f44\nbuild glibc-1-1 tag=f44\n binary glibc\n  provides libc\n"+
			"build glibc-2-1\n binary glibc\n  provides libc",
	).Replace(small)
	s := newSim(t, scenario.World(t, world))
	s.Administer("tagBuildBypass", "f44", "gcc-2-1")
	s.Administer("tagBuildBypass", "f44", "glibc-2-1")
	s.NewRepo()
	s.build("foo", "1", "complete", 1001, 1)
	s.mustPass()
	s.build("foo", "1", "failed", 1003, 2)
	s.mustPass()
	const third = "1003: [gcc 2] by []; [glibc 2] by [gcc 2];"
	s.Expect("two builds", s.Vias(), third)
	s.build("foo", "1", "failed", 1002, 1) // in between, with what the first had
	s.mustPass()
	s.Expect("with one between them", s.Vias(), third)
}
