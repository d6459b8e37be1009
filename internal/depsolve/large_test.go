package depsolve_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestPairs asks for many pairs of packages in one boolean dependency, wherever one
// can stand. The work grows with what the dependency comes to, also where it cannot
// be met and that has to be explained.
func TestPairs(t *testing.T) {
	t.Parallel()
	const n = 11
	all := pairs(n, "and", "or")    // 2,048 blocks of 11 as something required
	either := pairs(n, "or", "and") // the same as something that conflicts
	for _, test := range []struct {
		name     string
		p        rpm.Package
		goal     depsolve.Goal
		opposed  bool // the two of each pair conflict
		weak     bool
		packages int // of the answer, 0 if there is none
	}{
		{name: "required", p: rpm.Package{Requires: named(all)}, goal: goalOf("p"), packages: n + 2},
		{name: "conflicting", p: rpm.Package{Conflicts: named(either)}, goal: goalOf("p", "a0", "b1"), packages: 3},
		{name: "recommended", p: rpm.Package{Recommends: named(all)}, goal: goalOf("p"), packages: 1},
		{name: "recommended and followed", p: rpm.Package{Recommends: named(all)}, goal: goalOf("p"), weak: true, packages: 3},
		{name: "suggested", p: rpm.Package{Suggests: named(all)}, goal: goalOf("p"), packages: 1},
		{
			name:     "in four places",
			p:        rpm.Package{Requires: named(all), Conflicts: named(either), Recommends: named(all), Suggests: named(all)},
			goal:     goalOf("p"),
			packages: n + 1,
		},
		{name: "as BuildRequires", goal: goalOf(all), packages: n + 1},
		{name: "in the group", goal: depsolve.Goal{Group: []string{all}, Requires: named("a0")}, packages: 2},
		{name: "required in vain", p: rpm.Package{Requires: named(all)}, goal: goalOf("p"), opposed: true},
		{name: "as BuildRequires in vain", goal: goalOf(all), opposed: true},
		{name: "as BuildConflicts in vain", goal: depsolve.Goal{Requires: named("a0"), Conflicts: named(either, "a0")}},
		{name: "in the group in vain", goal: depsolve.Goal{Group: []string{all}}, opposed: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPackage("p", "x86_64")
			p.Requires, p.Conflicts, p.Recommends, p.Suggests = test.p.Requires, test.p.Conflicts, test.p.Recommends, test.p.Suggests
			s := withPairs(n, test.opposed, p).NewSolver(depsolve.SolverOptions{WeakDeps: test.weak})
			r := s.Solve(test.goal)
			if r.OK != (test.packages > 0) || len(r.Packages) != test.packages {
				t.Errorf("got %v with %d packages, want %d", r.OK, len(r.Packages), test.packages)
			}
			lazy, full := s.Steps()
			if !r.OK {
				if problems := s.Explain(test.goal); len(problems) != 1 {
					t.Errorf("problems: %v", problems)
				}
				_, full = s.Steps()
			}
			const most = 1 << 24 // each of 22,528 literals looked at some hundreds of times
			if lazy > most || full > most {
				t.Errorf("%d and %d steps, want at most %d", lazy, full, most)
			}
		})
	}
}

// TestTooManySteps makes goals that no solver of this kind comes to an end with: each
// of some pigeons needs a hole of its own, and there is one hole too few.
func TestTooManySteps(t *testing.T) {
	t.Parallel()
	const (
		holes = 9
		limit = 1 << 19
	)
	u, pigeons := newPigeons(t, holes)
	for _, weak := range []bool{false, true} {
		s := u.NewSolver(depsolve.SolverOptions{WeakDeps: weak})
		s.Limit(limit)
		for _, goal := range []depsolve.Goal{goalOf(pigeons...), {Group: pigeons, Requires: named("pigeon0")}} {
			if r := s.Solve(goal); r.OK {
				t.Fatalf("weak %v: resolved although there is no place", weak)
			}
			problems := s.Explain(goal)
			if len(problems) != 1 || problems[0].Reasons[0].Kind != depsolve.TooLong {
				t.Errorf("weak %v: %v", weak, problems)
			}
			if lazy, full := s.Steps(); lazy > 2*limit || full > 2*limit {
				t.Errorf("weak %v: %d and %d steps, the limit is %d", weak, lazy, full, limit)
			}
		}
		if goal := goalOf(pigeons[:3]...); !s.Solve(goal).OK {
			t.Errorf("weak %v: the next goal fails: %v", weak, s.Explain(goal))
		}
	}
}

// newPigeons has one pigeon more than there are holes.
func newPigeons(t *testing.T, holes int) (u *depsolve.Universe, pigeons []string) {
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 99)
	for i := range holes + 1 {
		pigeon := newPackage(fmt.Sprintf("pigeon%d", i), "x86_64")
		var places []string
		for j := range holes {
			p := newPackage(fmt.Sprintf("in%d-%d", i, j), "x86_64")
			for k := range i {
				p.Conflicts = append(p.Conflicts, named(fmt.Sprintf("in%d-%d", k, j))...)
			}
			add(t, b, repo, p)
			places = append(places, p.Name)
		}
		pigeon.Requires = named("(" + strings.Join(places, " or ") + ")")
		add(t, b, repo, pigeon)
		pigeons = append(pigeons, pigeon.Name)
	}
	return b.Universe(), pigeons
}

// TestTooLargeTogether has more boolean dependencies than there is room for: the
// largest count for nothing, which is said, small ones stay.
func TestTooLargeTogether(t *testing.T) {
	t.Parallel()
	p, q := newPackage("p", "x86_64"), newPackage("q", "x86_64")
	for i := range 16 {
		p.Recommends = append(p.Recommends, named(rotated(17, i))...) // 131,072 blocks of 17
	}
	q.Requires = named("((a0 and b0) or (a1 and b1))", "(a2 if q)")
	u := withPairs(17, false, p, q)
	if n := len(u.Dropped()); n != 16 {
		t.Errorf("%d are said to count for nothing, want 16", n)
	}
	s := u.NewSolver(depsolve.SolverOptions{WeakDeps: true})
	for goal, want := range map[string]int{"p": 1, "q": 5} {
		if r := s.Solve(goalOf(goal)); !r.OK || len(r.Packages) != want {
			t.Errorf("%s: %v, %d packages, want %d", goal, r.OK, len(r.Packages), want)
		}
	}
	for name, goal := range map[string]depsolve.Goal{
		"it asks for ":        goalOf(rotated(22, 0)),
		"the group asks for ": {Group: []string{rotated(22, 0)}},
	} {
		if r := s.Solve(goal); r.OK {
			t.Errorf("%s: resolved", name)
		}
		if problems := s.Explain(goal); len(problems) != 1 || !strings.HasPrefix(problems[0].String(), name) {
			t.Errorf("got %v, want one that begins with %q", problems, name)
		}
	}
}

// rotated is a dependency on n pairs of 17 packages, beginning anywhere.
func rotated(n, from int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("(a%d and b%d)", (i+from)%17, (i+from+n/18)%17)
	}
	return "(" + strings.Join(parts, " or ") + ")"
}

// TestConditionsInside nests conditions with an "else", each of which is needed both
// as it is and as its opposite: each counts twice, and only that is found out.
func TestConditionsInside(t *testing.T) {
	t.Parallel()
	text := "a0"
	for i := range 60 {
		text = fmt.Sprintf("(absent%d if %s else b0)", i, text)
	}
	p := newPackage("p", "x86_64")
	p.Requires = named(text)
	s := withPairs(1, false, p).NewSolver(depsolve.SolverOptions{})
	if problems := s.Explain(goalOf("p")); len(problems) != 1 || problems[0].Reasons[1].Kind != depsolve.TooLarge {
		t.Errorf("got %v, want one that is too large", problems)
	}
}

// pairs is a dependency on n pairs: ((a0 in b0) out (a1 in b1) ...).
func pairs(n int, in, out string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("(a%d %s b%d)", i, in, i)
	}
	return "(" + strings.Join(parts, " "+out+" ") + ")"
}

// withPairs has n pairs and more packages.
func withPairs(n int, opposed bool, more ...*rpm.Package) *depsolve.Universe {
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 99)
	packages := more
	for i := range n {
		x, y := newPackage(fmt.Sprintf("a%d", i), "x86_64"), newPackage(fmt.Sprintf("b%d", i), "x86_64")
		if opposed {
			x.Conflicts = named(y.Name)
		}
		packages = append(packages, x, y)
	}
	for _, p := range packages {
		if _, err := b.Add(repo, p); err != nil {
			panic(err)
		}
	}
	return b.Universe()
}

func goalOf(requires ...string) depsolve.Goal { return depsolve.Goal{Requires: named(requires...)} }

func named(names ...string) []rpm.Relation {
	relations := make([]rpm.Relation, len(names))
	for i, name := range names {
		relations[i] = rpm.Relation{Name: name}
	}
	return relations
}

func add(t *testing.T, b *depsolve.Builder, repo depsolve.RepoID, p *rpm.Package) {
	if _, err := b.Add(repo, p); err != nil {
		t.Fatal(err)
	}
}
