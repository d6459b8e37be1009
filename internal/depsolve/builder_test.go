package depsolve_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"
	"weak"

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
	var inferior *depsolve.InferiorArchError
	if _, err := b.Add(repo, newPackage("inferior", "i686")); !errors.As(err, &inferior) {
		t.Errorf("inferior architecture: %v", err)
	}
	broken := newPackage("broken", "noarch")
	broken.Requires = []rpm.Relation{{Name: "fine"}, {Name: "(a or"}}
	var syntax *rpm.SyntaxError
	if _, err := b.Add(repo, broken); !errors.As(err, &syntax) || !strings.Contains(err.Error(), "broken-1-1.noarch") {
		t.Errorf("broken dependency: %v", err)
	}
	if _, err := b.Add(repo, newPackage("fine", "noarch")); err != nil {
		t.Error(err)
	}
	u := b.Universe()
	if u.Len() != 1 || u.NEVRA(1).Name != "fine" || u.Repo(1) != "repo" {
		t.Errorf("%d packages, the first is %v", u.Len(), u.NEVRA(1))
	}
}

// TestAddAfterRefusal checks that a package that was left out takes nothing from
// the next one.
func TestAddAfterRefusal(t *testing.T) {
	t.Parallel()
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 99)
	shared := []rpm.Relation{{Name: "shared"}}
	broken, fine := newPackage("broken", "noarch"), newPackage("fine", "noarch")
	broken.Provides, broken.Requires = shared, []rpm.Relation{{Name: "(a or"}}
	fine.Provides = shared
	if _, err := b.Add(repo, broken); err == nil {
		t.Error("a broken dependency is accepted")
	}
	id, err := b.Add(repo, fine)
	if err != nil {
		t.Fatal(err)
	}
	r := b.Universe().NewSolver(depsolve.SolverOptions{}).Solve(depsolve.Goal{Requires: shared})
	if !r.OK || !slices.Equal(r.Packages, []depsolve.ID{id}) {
		t.Error(r)
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

// TestHugeDependency adds a dependency that has 2^40 clauses.
func TestHugeDependency(t *testing.T) {
	t.Parallel()
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 99)
	text := "(a and b)"
	for i := range 40 {
		text = fmt.Sprintf("(%s or (c%d and d%d))", text, i, i)
	}
	huge := newPackage("huge", "noarch")
	huge.Requires = []rpm.Relation{{Name: text}}
	for _, p := range []*rpm.Package{huge, newPackage("a", "noarch"), newPackage("b", "noarch")} {
		if _, err := b.Add(repo, p); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		for _, name := range []string{"c", "d"} {
			if _, err := b.Add(repo, newPackage(fmt.Sprint(name, i), "noarch")); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := b.Universe().NewSolver(depsolve.SolverOptions{})
	for _, name := range []string{"huge", "a"} {
		if r := s.Solve(depsolve.Goal{Requires: []rpm.Relation{{Name: name}}}); !r.OK {
			t.Errorf("%s cannot be installed", name)
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
