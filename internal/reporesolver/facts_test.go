package reporesolver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/scenario"
)

// ldap is a world in which an update takes a library away that another package
// needs, which two packages are built with.
var ldap = scenario.CommonWorld + `
package openldap tag=f44
package clients tag=f44
package foo tag=f44
package bar tag=f44
package far tag=f44
build openldap-1-1 tag=f44
 binary openldap-libs
  provides libldap.so.2
 binary openldap-devel
  requires openldap-libs
build openldap-2-1
 binary openldap-libs
  provides libldap.so.3
 binary openldap-devel
  requires openldap-libs
build clients-1-1 tag=f44
 binary clients
  requires libldap.so.2
build clients-2-1
 binary clients
  requires libldap.so.3
  requires fresh
build foo-1-1 tag=f44
 requires clients
 requires openldap-devel
 binary foo
build bar-1-1 tag=f44
 requires libldap.so.2
 binary bar
build far-1-1 tag=f44
 requires openldap-devel
 binary far
build far-2-1
 requires crate(never) >= 2
 binary far
repo f44-build
`

// unmet are the dependencies that are, or were, not met, as a line each.
func (s *sim) unmet() []string {
	s.T.Helper()
	var lines []string
	for _, n := range s.Unmet() {
		by := n.NeededBy
		if by == "" {
			by = "-"
		}
		line := fmt.Sprintf("%d %s of %s: %s", n.RepoID, n.Dependency, by, n.Why)
		if n.Source != "" {
			line += fmt.Sprintf(" by %s %s -> %s", n.Source, n.SourceBefore, n.SourceAfter)
		}
		if n.Provider != "" {
			line += " had " + n.Provider
		}
		if n.Ended {
			line += ", ended"
		}
		lines = append(lines, fmt.Sprintf("%s; %d: %s", line, n.Packages, strings.Join(n.Wanted, ", ")))
	}
	return lines
}

func TestUnmetInParts(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, ldap))
	s.mustPass()
	s.Expect("all is met", s.unmet())
	s.tag("openldap-2-1")
	s.NewRepo()
	s.mustPass()
	const gone = "2 libldap.so.2 of %s: gone by openldap 1-1 -> 2-1 had openldap-libs-1-1.x86_64%s"
	s.Expect("a library is gone", s.unmet(),
		fmt.Sprintf(gone, "-", "; 1: bar wants libldap.so.2"),
		fmt.Sprintf(gone, "clients", "; 1: foo wants clients"))
	s.tag("clients-2-1")
	s.tag("far-2-1")
	s.Poll()
	s.NewRepo()
	s.mustPass()
	s.Expect("one is mended, another broken", s.unmet(),
		fmt.Sprintf(gone, "-", "; 1: bar wants libldap.so.2"),
		fmt.Sprintf(gone, "clients", ", ended; 1: "),
		"3 crate(never) >= 2 of -: absent; 1: far wants crate(never) >= 2",
		"3 fresh of clients: new by clients 1-1 -> 2-1; 1: foo wants clients")
	s.Administer("untagBuildBypass", "f44", "openldap-2-1")
	s.Administer("untagBuildBypass", "f44", "clients-2-1")
	s.Clock.Step(time.Minute)
	s.Poll()
	s.NewRepo()
	s.mustPass()
	s.Expect("all but one is met again", s.unmet(),
		fmt.Sprintf(gone, "-", ", ended; 1: "),
		fmt.Sprintf(gone, "clients", ", ended; 1: "),
		"3 crate(never) >= 2 of -: absent; 1: far wants crate(never) >= 2",
		"3 fresh of clients: new by clients 1-1 -> 2-1, ended; 1: ")
}

// reached are whom the updates of repos reached, a line for each update.
func (s *sim) reached() []string {
	s.T.Helper()
	var lines []string
	for _, r := range s.Reached() {
		lines = append(lines, fmt.Sprintf("%d %s: %s", r.RepoID, r.Source, strings.Join(r.Packages, ", ")))
	}
	return lines
}

func TestWhomUpdatesReach(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	s.tag("gcc-2-1")
	s.NewRepo()
	s.mustPass()
	want := []string{"2 gcc: bash 1, foo 1"}
	s.Expect("an update of gcc", s.reached(), want...)
	s.tag("glibc-2-1")
	s.NewRepo()
	s.mustPass()
	want = append(want, "3 glibc: bash 2, foo 2")
	s.Expect("an update of glibc", s.reached(), want...)
	s.Expect("sources", s.Sources("gcc", "glibc"), "gcc 1 gcc 1-1", "gcc 2 gcc 2-1", "glibc 1 glibc 1-1", "glibc 2 glibc 2-1")
	if counts := s.StateCounts(); len(counts) != 3 || counts[2].RepoID != 3 || counts[2].OK != 4 {
		t.Errorf("counts of states after three repos: %+v", counts)
	}
}

// Who died between verdicts and repo has stored answers that are not news any more
// when the repo is resolved again. Whom its updates reached is known all the same.
func TestWhomUpdatesReachAfterDeath(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	s.tag("gcc-2-1")
	s.NewRepo()
	s.mustPass()
	s.UnstoreRepo("f44", 2, 1)
	s.memories = nil // another process
	s.mustPass()
	s.Expect("an update of gcc", s.reached(), "2 gcc: bash 1, foo 1")
}
