package depsolve_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"
	"weak"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

func newPackage(name, arch string) *rpm.Package {
	return &rpm.Package{NEVRA: rpm.NEVRA{Name: name, EVR: rpm.EVR{Version: "1", Release: "1"}, Arch: arch}}
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 99)

	if id, err := b.Add(repo, newPackage("foreign", "aarch64")); id != depsolve.None || err != nil {
		t.Errorf("foreign architecture: %v, %v", id, err)
	}
	flawed := newPackage("flawed", "noarch")
	flawed.Flaw = "package flawed has no version"
	if id, err := b.Add(repo, flawed); id != depsolve.None || err == nil || err.Error() != flawed.Flaw {
		t.Errorf("flawed: %v, %v", id, err)
	}
	if _, err := b.Add(repo, newPackage("fine", "noarch")); err != nil {
		t.Error(err)
	}
	u := b.Universe()
	if u.Len() != 1 || u.NEVRA(1).Name != "fine" || u.Repo(1) != "repo" || u.Dropped() != nil {
		t.Errorf("%d packages, the first is %v; dropped %q", u.Len(), u.NEVRA(1), u.Dropped())
	}
}

// TestDropped checks that a dependency that cannot be read costs that dependency
// and is told of, in each universe that has the package.
func TestDropped(t *testing.T) {
	t.Parallel()
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 99)
	odd := newPackage("odd", "noarch")
	odd.Requires = []rpm.Relation{{Name: "fine"}, {Name: "(a or"}, {Name: "(b or c and d)"}}
	odd.Supplements = []rpm.Relation{{Name: "(fine or odd) "}}
	for _, p := range []*rpm.Package{newPackage("gone", "noarch"), odd, newPackage("fine", "noarch")} {
		if _, err := b.Add(repo, p); err != nil {
			t.Fatal(err)
		}
	}
	u := b.Universe()
	want := []string{
		`package odd-1-1.noarch: requires: dependency "(a or", byte 6: the closing ")" is missing`,
		`package odd-1-1.noarch: requires: dependency "(b or c and d)", byte 9: "or" and "and" in one pair of parentheses`,
		`package odd-1-1.noarch: supplements: dependency "(fine or odd) ", byte 14: text after the closing ")"`,
	}
	if diff := cmp.Diff(want, u.Dropped()); diff != "" {
		t.Errorf("dropped (-want +got)\n%s", diff)
	}
	r := u.NewSolver(depsolve.SolverOptions{WeakDeps: true}).Solve(depsolve.Goal{Requires: []rpm.Relation{{Name: "odd"}}})
	if diff := cmp.Diff([]string{"odd-1-1.noarch", "fine-1-1.noarch"}, names(u, r.Packages)); diff != "" {
		t.Errorf("with the rest of its dependencies (-want +got)\n%s", diff)
	}
	next := u.Next()
	next.Keep(u.Named("fine")[0])
	next.AddFile(next.Keep(u.Named("odd")[0]), "/a/file")
	if diff := cmp.Diff(want, next.Universe().Dropped()); diff != "" {
		t.Errorf("dropped in the next universe (-want +got)\n%s", diff)
	}
	without := u.Next()
	without.Keep(u.Named("fine")[0])
	if dropped := without.Universe().Dropped(); dropped != nil {
		t.Errorf("dropped without the package: %q", dropped)
	}
}

// TestAddKeepsNothing overwrites the strings of a package after Add, as the
// scanner of package repodata does.
func TestAddKeepsNothing(t *testing.T) {
	t.Parallel()
	buffer := []byte("name1.0x86_64(a if b)/bin/sh")
	lent := func(from, to int) string { return unsafe.String(&buffer[from], to-from) }
	p := newPackage(lent(0, 4), lent(7, 13))
	p.Requires = []rpm.Relation{{Name: lent(13, 21)}}
	p.Files = []string{lent(21, 28)}
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	id, err := b.Add(b.AddRepo("repo", 99), p)
	if err != nil {
		t.Fatal(err)
	}
	clear(buffer)
	u := b.Universe()
	if got := u.NEVRA(id).String(); got != "name-1-1.x86_64" {
		t.Error(got)
	}
	r := u.NewSolver(depsolve.SolverOptions{}).Solve(depsolve.Goal{Requires: []rpm.Relation{{Name: "/bin/sh"}}})
	if !r.OK || !slices.Equal(r.Packages, []depsolve.ID{id}) {
		t.Error(r)
	}
}

// TestNextLetsGo checks that a universe does not have those before it in memory.
func TestNextLetsGo(t *testing.T) {
	t.Parallel()
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	id, err := b.Add(b.AddRepo("repo", 99), newPackage("kept", "noarch"))
	if err != nil {
		t.Fatal(err)
	}
	first := b.Universe()
	universe, pool := weak.Make(first), first.Pool()
	b = first.Next()
	b.Keep(id)
	next := b.Universe()
	runtime.GC()
	if universe.Value() != nil || pool.Value() != nil {
		t.Error("the universe before is still there")
	}
	if name := next.Name(id); name != "kept" {
		t.Errorf("the package is called %q", name)
	}
}

func TestEmptyUniverse(t *testing.T) {
	t.Parallel()
	u := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"}).Universe()
	s := u.NewSolver(depsolve.SolverOptions{WeakDeps: true})
	if r := s.Solve(depsolve.Goal{Group: []string{"a"}}); !r.OK || len(r.Packages) != 0 {
		t.Errorf("nothing asked for: %v", r)
	}
	g := depsolve.Goal{Requires: []rpm.Relation{{Name: "a"}}}
	if r := s.Solve(g); r.OK {
		t.Errorf("something asked for: %v", r)
	}
	if p := s.Explain(g); len(p) != 1 || p[0].String() != "no package found for a" {
		t.Errorf("explanation: %v", p)
	}
	next := u.NewOverlay("more")
	if err := next.Add(newPackage("a", "noarch")); err != nil {
		t.Fatal(err)
	}
	if r := next.Universe().NewSolver(depsolve.SolverOptions{}).Solve(g); !r.OK || len(r.Packages) != 1 {
		t.Errorf("with a package: %v", r)
	}
}

// TestLargeDependencies has boolean dependencies of many clauses: those up to the
// limit are worked out, of others it is said that they are not.
func TestLargeDependencies(t *testing.T) {
	t.Parallel()
	pairs := func(n int) string {
		text := "(a and b)"
		for i := range n {
			text = fmt.Sprintf("(%s or (c%d and d%d))", text, i, i)
		}
		return text
	}
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 99)
	add := func(name string, edit func(*rpm.Package)) {
		t.Helper()
		p := newPackage(name, "noarch")
		edit(p)
		if _, err := b.Add(repo, p); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b", "x"} {
		add(name, func(*rpm.Package) {})
	}
	for i := range 40 {
		add(fmt.Sprint("c", i), func(p *rpm.Package) { p.Provides = []rpm.Relation{{Name: "C"}} })
		add(fmt.Sprint("d", i), func(p *rpm.Package) { p.Provides = []rpm.Relation{{Name: "D"}} })
	}
	depends := func(text string) []rpm.Relation { return []rpm.Relation{{Name: text}} }
	add("large", func(p *rpm.Package) { p.Requires = depends(pairs(14)) })
	add("huge", func(p *rpm.Package) { p.Requires = depends(pairs(40)) })
	add("hostile", func(p *rpm.Package) { p.Conflicts = depends("(" + pairs(40) + " if (" + pairs(40) + " and C))") })
	add("conditional", func(p *rpm.Package) { p.Requires = depends("(x if (C and D))") })
	add("advised", func(p *rpm.Package) { p.Recommends = depends(pairs(40)) })
	u := b.Universe()
	s := u.NewSolver(depsolve.SolverOptions{})
	for _, test := range []struct {
		goal string
		want []string // packages
		why  string   // or a part of the only problem
	}{
		{"a", []string{"a"}, ""},
		{"large", []string{"a", "b", "large"}, ""},
		{"conditional", []string{"conditional"}, ""},
		{"conditional c1", []string{"c1", "conditional"}, ""},
		{"conditional c1 d2", []string{"x", "c1", "d2", "conditional"}, ""},
		{"advised", []string{"advised"}, ""},
		{"huge", nil, "package huge-1-1.noarch depends on ((((("},
		{"hostile", nil, "which has too many alternatives to be worked out"},
		{pairs(40), nil, "it asks for ((((("},
	} {
		var goal depsolve.Goal
		words := strings.Fields(test.goal)
		if strings.HasPrefix(test.goal, "(") {
			words = []string{test.goal}
		}
		for _, name := range words {
			goal.Requires = append(goal.Requires, rpm.Relation{Name: name})
		}
		r := s.Solve(goal)
		var got []string
		for _, id := range r.Packages {
			got = append(got, u.Name(id))
		}
		if r.OK != (test.why == "") || !slices.Equal(got, test.want) {
			t.Errorf("%.40s: %v %v, want %v", test.goal, r.OK, got, test.want)
		}
		problems := s.Explain(goal)
		if told := len(problems) == 1 && strings.Contains(problems[0].String(), test.why); told != (test.why != "") {
			t.Errorf("%.40s: problems %.300v, want one with %q", test.goal, problems, test.why)
		}
	}
}

// TestOrderOfGoals checks that an answer does not depend on what was asked
// before, and that goroutines can share a universe.
func TestOrderOfGoals(t *testing.T) {
	d := load(t, cs9)
	const step = 6 + stride
	for _, o := range []depsolve.SolverOptions{{}, {WeakDeps: true}} {
		answers := make([][]depsolve.Result, 2)
		var wg sync.WaitGroup
		for backward := range 2 {
			wg.Go(func() {
				s := d.universe.NewSolver(o)
				n := len(d.sources) / step
				answers[backward] = make([]depsolve.Result, n)
				for i := range n {
					if backward == 1 {
						i = n - 1 - i
					}
					answers[backward][i] = s.Solve(d.goal(i * step))
				}
			})
		}
		wg.Wait()
		for i, want := range answers[0] {
			if got := answers[1][i]; got.OK != want.OK || !slices.Equal(got.Packages, want.Packages) {
				t.Errorf("%s: the answer depends on earlier ones", d.sources[i*step].name)
			}
		}
	}
}
