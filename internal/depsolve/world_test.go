package depsolve_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A world is a small universe made up by rapid, and goals for it.
type world struct {
	packages []*rpm.Package
	group    []string
	goals    [][]rpm.Relation
	multilib bool // some packages are for i686
}

func (w *world) universe() *depsolve.Universe {
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 99)
	for _, p := range w.packages {
		if _, err := b.Add(repo, p); err != nil {
			panic(err)
		}
	}
	return b.Universe()
}

func (w *world) String() string {
	var b strings.Builder
	for i, p := range w.packages {
		fmt.Fprintf(&b, "%d %v: %v\n", i+1, p.NEVRA, map[string][]rpm.Relation{
			"requires": p.Requires, "provides": p.Provides, "conflicts": p.Conflicts, "obsoletes": p.Obsoletes,
			"recommends": p.Recommends, "suggests": p.Suggests, "supplements": p.Supplements, "enhances": p.Enhances,
		})
	}
	fmt.Fprintf(&b, "group %v\n", w.group)
	return b.String()
}

func (w *world) goal(i int) depsolve.Goal {
	return depsolve.Goal{Group: w.group, Requires: w.goals[i]}
}

// clone copies the list of packages, not the packages.
func (w *world) clone() *world {
	return &world{slices.Clone(w.packages), w.group, w.goals, w.multilib}
}

func drawAnyWorld(t *rapid.T) *world {
	if rapid.Bool().Draw(t, "multilib") {
		return drawMultilib(t)
	}
	return drawWorld(t)
}

func drawWorld(t *rapid.T) *world {
	w := &world{group: []string{drawName(t, "group")}}
	for range rapid.IntRange(2, 16).Draw(t, "packages") {
		w.add(drawPackage(t, w.archs()...))
	}
	w.drawGoals(t)
	return w
}

// drawMultilib draws a world that has packages for i686, half of them beside one
// for x86_64 of the same name and version.
func drawMultilib(t *rapid.T) *world {
	w := &world{group: []string{drawName(t, "group")}, multilib: true}
	for range rapid.IntRange(2, 16).Draw(t, "packages") {
		p := drawPackage(t, w.archs()...)
		w.add(p)
		if p.Arch == "i686" && rapid.Bool().Draw(t, "twin") {
			twin := drawPackage(t, "x86_64")
			twin.Name, twin.Version = p.Name, p.Version
			w.add(twin)
		}
	}
	w.drawGoals(t)
	return w
}

func (w *world) archs() []string {
	if w.multilib {
		return []string{"x86_64", "x86_64", "i686", "i686", "noarch", "i586"}
	}
	return []string{"x86_64", "noarch"}
}

func (w *world) drawGoals(t *rapid.T) {
	for range rapid.IntRange(1, 6).Draw(t, "goals") {
		w.goals = append(w.goals, drawGoal(t))
	}
}

// add inserts a package at its place by name, unless one of this name, version and,
// in a multilib world, architecture is there.
func (w *world) add(p *rpm.Package) {
	at, found := slices.BinarySearchFunc(w.packages, p, func(a, b *rpm.Package) int {
		x, y := []string{a.Name, a.Version}, []string{b.Name, b.Version}
		if w.multilib {
			x, y = append(x, a.Arch), append(y, b.Arch)
		}
		return slices.Compare(x, y)
	})
	if !found {
		w.packages = slices.Insert(w.packages, at, p)
	}
}

func drawPackage(t *rapid.T, archs ...string) *rpm.Package {
	p := &rpm.Package{NEVRA: rpm.NEVRA{
		Name: drawName(t, "name"),
		EVR:  rpm.EVR{Version: drawVersion(t), Release: "1"},
		Arch: rapid.SampledFrom(archs).Draw(t, "arch"),
	}}
	p.Requires = drawRelations(t, "requires", 0, 3)
	p.Provides = drawProvides(t)
	if rapid.IntRange(0, 2).Draw(t, "more") == 0 {
		p.Conflicts = drawRelations(t, "conflicts", 0, 1)
		p.Recommends = drawAdvice(t, "recommends", 2)
		p.Suggests = drawAdvice(t, "suggests", 1)
		p.Supplements = drawRelations(t, "supplements", 0, 1)
		p.Enhances = drawRelations(t, "enhances", 0, 1)
		if rapid.IntRange(0, 3).Draw(t, "obsoletes") == 0 {
			p.Obsoletes = []rpm.Relation{drawPlain(t)}
		}
	}
	return p
}

func drawName(t *rapid.T, label string) string {
	return "p" + strconv.Itoa(rapid.IntRange(0, 9).Draw(t, label))
}

func drawVersion(t *rapid.T) string {
	return strconv.Itoa(rapid.IntRange(1, 3).Draw(t, "version"))
}

// drawProvides draws capabilities; several packages share them.
func drawProvides(t *rapid.T) []rpm.Relation {
	var provides []rpm.Relation
	for range rapid.IntRange(0, 2).Draw(t, "provides") {
		r := rpm.Relation{Name: "c" + strconv.Itoa(rapid.IntRange(0, 4).Draw(t, "capability"))}
		if rapid.Bool().Draw(t, "versioned") {
			r.Op, r.EVR = rpm.Equal, rpm.EVR{Version: drawVersion(t)}
		}
		provides = append(provides, r)
	}
	return provides
}

func drawRelations(t *rapid.T, label string, least, most int) []rpm.Relation {
	var relations []rpm.Relation
	for range rapid.IntRange(least, most).Draw(t, label) {
		if rapid.IntRange(0, 3).Draw(t, "boolean") > 0 {
			relations = append(relations, drawPlain(t))
			continue
		}
		relations = append(relations, rpm.Relation{Name: drawBoolean(t, 2)})
	}
	return relations
}

// drawGoal and drawAdvice draw no conditions inside other dependencies and no
// "else": there libsolv may install a package that only a condition names and
// forget what it requires, which we do not imitate.
func drawGoal(t *rapid.T) []rpm.Relation {
	return drawSimple(t, rapid.IntRange(1, 4).Draw(t, "goal"), "or", "or", "and", "if", "unless", "with", "without")
}

func drawAdvice(t *rapid.T, label string, most int) []rpm.Relation {
	return drawSimple(t, rapid.IntRange(0, most).Draw(t, label), "or", "and", "if", "unless")
}

func drawSimple(t *rapid.T, n int, operators ...string) []rpm.Relation {
	var relations []rpm.Relation
	for range n {
		r := drawPlain(t)
		if rapid.IntRange(0, 2).Draw(t, "boolean") == 0 {
			op := rapid.SampledFrom(operators).Draw(t, "operator")
			r = rpm.Relation{Name: fmt.Sprintf("(%v %s %v)", r, op, drawPlain(t))}
		}
		relations = append(relations, r)
	}
	return relations
}

func drawPlain(t *rapid.T) rpm.Relation {
	r := rpm.Relation{Name: drawName(t, "requirement")}
	if rapid.IntRange(0, 2).Draw(t, "of capability") == 0 {
		r.Name = "c" + strconv.Itoa(rapid.IntRange(0, 4).Draw(t, "capability"))
	}
	if rapid.IntRange(0, 2).Draw(t, "versioned") == 0 {
		r.Op = rapid.SampledFrom([]rpm.Op{rpm.Less, rpm.Equal, rpm.Greater | rpm.Equal, rpm.Less | rpm.Equal}).Draw(t, "op")
		r.EVR = rpm.EVR{Version: drawVersion(t)}
	}
	return r
}

func drawBoolean(t *rapid.T, depth int) string {
	operand := func() string {
		if depth > 0 && rapid.IntRange(0, 3).Draw(t, "nested") == 0 {
			return drawBoolean(t, depth-1)
		}
		return drawPlain(t).String()
	}
	op := rapid.SampledFrom([]string{"or", "or", "and", "if", "unless", "with", "without", "if else", "unless else"}).Draw(t, "operator")
	switch op {
	case "with", "without":
		return fmt.Sprintf("(%v %s %v)", drawPlain(t), op, drawPlain(t))
	case "if else", "unless else":
		return fmt.Sprintf("(%s %s %s else %s)", operand(), op[:len(op)-len(" else")], operand(), operand())
	}
	return fmt.Sprintf("(%s %s %s)", operand(), op, operand())
}

// edit changes a world in one place.
func (w *world) edit(t *rapid.T) {
	if len(w.packages) == 0 || rapid.IntRange(0, 4).Draw(t, "edit") == 0 {
		w.add(drawPackage(t, w.archs()...))
		return
	}
	i := rapid.IntRange(0, len(w.packages)-1).Draw(t, "which")
	p := *w.packages[i]
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		w.packages = slices.Delete(w.packages, i, i+1)
		return
	case 1:
		p.Release += "1"
	case 2:
		p.Requires = drawRelations(t, "requires", 0, 3)
	case 3:
		p.Provides = drawProvides(t)
	}
	w.packages[i] = &p
}

// TestBothSolversAgree holds the lazy solver to the full one, and one that does
// not sort to both.
func TestBothSolversAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawAnyWorld(t)
		for _, weak := range []bool{false, true} {
			u := w.universe()
			s := u.NewSolver(depsolve.SolverOptions{WeakDeps: weak})
			unordered := u.NewSolver(depsolve.SolverOptions{WeakDeps: weak, Unordered: true})
			for i := range w.goals {
				got, want := s.Solve(w.goal(i)), s.SolveFully(w.goal(i))
				unsorted := unordered.Solve(w.goal(i))
				if slices.Sort(unsorted.Packages); unsorted.OK != want.OK || !slices.Equal(unsorted.Packages, want.Packages) {
					t.Fatalf("%vgoal %v, weak %v: unordered %v, full %v", w, w.goals[i], weak, unsorted, want)
				}
				if got.OK != want.OK || !slices.Equal(got.Packages, want.Packages) {
					t.Fatalf("%vgoal %v, weak %v: lazy %v, full %v", w, w.goals[i], weak, got, want)
				}
			}
		}
	})
}

// TestChangeKeepsAnswers checks that answers kept after a change are those of
// the new universe.
func TestChangeKeepsAnswers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawAnyWorld(t)
		edited := w.clone()
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			edited.edit(t)
		}
		before, after := w.universe(), edited.universe()
		o := depsolve.SolverOptions{WeakDeps: rapid.Bool().Draw(t, "weak")}
		change := depsolve.Compare(before, after)
		old, now := before.NewSolver(o), after.NewSolver(o)
		for i := range w.goals {
			g := w.goal(i)
			result, record := old.SolveRecorded(g)
			if !change.Keeps(now, g, record) {
				continue
			}
			want := now.Solve(g)
			got := change.Packages(result.Packages)
			if result.OK != want.OK || !slices.Equal(got, want.Packages) {
				t.Fatalf("goal %v: kept %v %v, solved %v", w.goals[i], result.OK, names(after, got), names(after, want.Packages))
			}
		}
	})
}

func names(u *depsolve.Universe, ids []depsolve.ID) []string {
	var names []string
	for _, id := range ids {
		if id == depsolve.None {
			names = append(names, "none")
			continue
		}
		names = append(names, u.NEVRA(id).String())
	}
	return names
}
