package buildresolver

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/scenario"

	"github.com/google/go-cmp/cmp"
)

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
package foo tag=f44
build bash-5-1 tag=f44
 binary bash
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
func (s *sim) build(name, version, outcome string, event, repo int) int64 {
	s.T.Helper()
	ended := outcome != "running"
	id := s.Number(`
		INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, started, finished, repo_id)
		SELECT id, 'scratch', $2, $3::bigint, 1000 + $3::bigint, $4, '1', $5::timestamptz, CASE WHEN $6 THEN $5::timestamptz END, $7
		FROM package
		WHERE name = $1
		RETURNING id`, name, outcome, event, version, s.Now(), ended, repo)
	s.Exec(`UPDATE package SET last_build_id = $2 WHERE name = $1`, name, id)
	return id
}

func (s *sim) expect(what string, got []string, want ...string) {
	s.T.Helper()
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		s.T.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// deps tells how far the resolver is with the scratch builds of foo.
func (s *sim) deps() []string {
	s.T.Helper()
	return s.Lines(`
		SELECT b.event || ' ' || b.deps || ' ' || coalesce(d.size, 0)
		FROM build b
		LEFT JOIN dependency_set d ON d.id = b.dependency_set_id
		WHERE b.origin = 'scratch'
		ORDER BY b.event, b.id`)
}

// changes tells the applied changes of all builds.
func (s *sim) changes() []string {
	s.T.Helper()
	return s.Lines(`
		SELECT e.event || ' -> ' || b.event || ': ' || coalesce(string_agg(
			coalesce(p.name || ' ' || p.version, 'none') || ' ' || coalesce(c.version, 'gone') || ' at ' || d.distance, ', '), 'nothing')
		FROM applied_change a
		JOIN build b ON b.id = a.build_id
		JOIN build e ON e.id = a.prev_build_id
		LEFT JOIN LATERAL unnest(a.prev, a.curr, a.distance) AS d (prev, curr, distance) ON true
		LEFT JOIN nevra p ON p.id = d.prev
		LEFT JOIN nevra c ON c.id = d.curr
		GROUP BY b.event, e.event
		ORDER BY b.event`)
}

func TestBuilds(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.Administer("tagBuildBypass", "f44", "gcc-2-1")
	s.NewRepo()
	s.build("foo", "1", "complete", 1001, 1)
	s.build("foo", "1", "running", 1002, 2)
	s.mustPass()
	s.expect("builds", s.deps(), "1001 resolved 2", "1002 resolved 2")
	s.expect("changes", s.changes(), "1001 -> 1002: gcc 1 2 at 1")
	if n := s.Number(`SELECT count(DISTINCT input_identity) FROM build WHERE origin = 'scratch'`); n != 2 {
		t.Errorf("%d input identities of two builds in different buildroots", n)
	}

	// A build that comes to be known late is put between the others.
	s.Exec(`UPDATE build SET outcome = 'complete', finished = started WHERE outcome = 'running'`)
	s.build("foo", "1", "failed", 1003, 1)
	s.mustPass()
	s.Exec(`UPDATE build SET event = 2000 WHERE event = 1003`)
	s.build("foo", "1", "infrastructure", 1500, 2)
	s.build("foo", "1", "failed", 1600, 2)
	s.mustPass()
	s.expect("builds", s.deps(), "1001 resolved 2", "1002 resolved 2", "1500 resolved 2", "1600 resolved 2", "2000 resolved 2")
	s.expect("changes", s.changes(), "1001 -> 1002: gcc 1 2 at 1", "1002 -> 1500: nothing", "1002 -> 1600: nothing", "1600 -> 2000: gcc 2 1 at 1")
	s.mustPass()
}

func TestUnresolvedBuild(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.Administer("tagBuildBypass", "f44", "foo-2-1")
	s.Poll() // learns what foo-2-1 requires
	s.build("foo", "2", "running", 1001, 1)
	s.mustPass()
	s.expect("builds", s.deps(), "1001 unresolved 0")
	if n := s.Number(`SELECT build_priority FROM package WHERE name = 'foo'`); n != int64(s.Rules.UnresolvedLast) {
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
	s.expect("builds", s.deps(),
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
	s.expect("builds", s.deps(), "1001 resolved 2", "1002 resolved 2")
}

// Two processes at once write what one would.
func TestTwoResolvers(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	for event := range 20 {
		s.build("foo", "1", "complete", 1000+event, 1)
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
	if n := s.Number(`SELECT count(*) FROM build WHERE deps = 'resolved' AND origin = 'scratch'`); n != 20 {
		t.Errorf("%d builds resolved of 20", n)
	}
	if n := s.Number(`SELECT count(*) FROM applied_change`); n != 19 {
		t.Errorf("%d builds have changes, want all but the first", n)
	}
}
