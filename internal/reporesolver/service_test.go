package reporesolver

import (
	"testing"

	"github.com/koschei-ci/koschei"
)

func TestNewRepos(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.mustPass()
	c := s.collection("f44")
	if c.LatestRepoID != s.newest() || c.LatestRepoResolved != koschei.Resolved {
		t.Fatalf("latest repo %d %s, want %d", c.LatestRepoID, c.LatestRepoResolved, s.newest())
	}
	if n := s.number(`SELECT count(*) FROM package WHERE resolution = 'unattempted'`); n != 0 {
		t.Errorf("%d packages were not tried", n)
	}
	packages := s.number(`SELECT count(*) FROM package`)
	if n := s.number(`SELECT packages FROM repo`); n != packages {
		t.Errorf("%d packages counted of %d", n, packages)
	}
	if n := s.number(`SELECT count(*) FROM resolution WHERE dependency_set_id IS NOT NULL`); n < packages/2 {
		t.Errorf("only %d of %d packages are resolved", n, packages)
	}
	// A second pass has nothing to do.
	was := s.number(`SELECT sum(xmin::text::bigint) FROM package`)
	s.mustPass()
	if s.number(`SELECT sum(xmin::text::bigint) FROM package`) != was {
		t.Error("a pass without news wrote")
	}

	for range 5 {
		s.newRepo()
		s.mustPass()
	}
	if n := s.number(`SELECT count(*) FROM repo_change`); n == 0 {
		t.Error("no repo changed anything")
	}
	if n := s.number(`SELECT count(*) FROM dependency_set d WHERE NOT EXISTS (SELECT FROM resolution r WHERE r.dependency_set_id = d.id)`); n != 0 {
		t.Errorf("%d sets are out of use", n)
	}
	if n := s.number(`SELECT count(*) FROM resolution r JOIN package p ON p.id = r.package_id
		WHERE (p.resolution = 'resolved') <> (r.dependency_set_id IS NOT NULL)`); n != 0 {
		t.Errorf("%d packages say otherwise than their resolution", n)
	}
}
