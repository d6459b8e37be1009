package depsolve_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestSolve runs testdata/solve: each file is a small universe, a goal and what
// comes of it, the packages or the problems. With UPDATE_GOLDEN it writes the last.
func TestSolve(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/solve/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			c := readCase(t, file)
			got := c.run()
			if os.Getenv("UPDATE_GOLDEN") != "" {
				c.update(t, file, got)
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A solveCase is one file of testdata/solve.
type solveCase struct {
	universe *depsolve.Universe
	goal     depsolve.Goal
	options  depsolve.SolverOptions
	want     string
}

func (c *solveCase) update(t *testing.T, file, got string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	archive.Files[len(archive.Files)-1].Data = []byte(got)
	if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readCase(t *testing.T, file string) *solveCase {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &solveCase{}
	for _, f := range archive.Files {
		lines := strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n")
		switch f.Name {
		case "packages":
			c.universe = readUniverse(t, lines)
		case "goal":
			c.readGoal(t, lines)
		case "want":
			c.want = string(f.Data)
		}
	}
	return c
}

// readUniverse reads packages, each a line with its name and indented lines
// with what it has.
func readUniverse(t *testing.T, lines []string) *depsolve.Universe {
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("first", 99)
	for i := 0; i < len(lines); {
		if priority, ok := strings.CutPrefix(lines[i], "repository "); ok {
			n, err := strconv.Atoi(priority)
			if err != nil {
				t.Fatal(err)
			}
			repo = b.AddRepo("more", n)
			i++
			continue
		}
		nevra, err := rpm.ParseNEVRA(lines[i])
		if err != nil {
			t.Fatal(err)
		}
		p, excluded := &rpm.Package{NEVRA: nevra}, false
		for i++; i < len(lines) && strings.HasPrefix(lines[i], "\t"); i++ {
			if lines[i] == "\texcluded" {
				excluded = true
				continue
			}
			addLine(t, p, strings.TrimPrefix(lines[i], "\t"))
		}
		id, err := b.Add(repo, p)
		if err != nil {
			t.Fatal(err)
		}
		if excluded {
			b.Exclude(id)
		}
	}
	return b.Universe()
}

func addLine(t *testing.T, p *rpm.Package, line string) {
	kind, list, _ := strings.Cut(line, " ")
	if kind == "file" {
		p.Files = append(p.Files, list)
		return
	}
	to := map[string]*[]rpm.Relation{
		"requires": &p.Requires, "provides": &p.Provides, "conflicts": &p.Conflicts, "obsoletes": &p.Obsoletes,
		"recommends": &p.Recommends, "suggests": &p.Suggests, "supplements": &p.Supplements, "enhances": &p.Enhances,
	}[kind]
	for _, text := range strings.Split(list, ", ") {
		*to = append(*to, parseRelation(t, text))
	}
}

func parseRelation(t *testing.T, text string) rpm.Relation {
	r, err := rpm.ParseRelation(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c *solveCase) readGoal(t *testing.T, lines []string) {
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "group "); ok {
			c.goal.Group = append(c.goal.Group, name)
		} else if text, ok := strings.CutPrefix(line, "conflicts "); ok {
			c.goal.Conflicts = append(c.goal.Conflicts, parseRelation(t, text))
		} else if line == "weak" {
			c.options.WeakDeps = true
		} else if line == "lenient" {
			c.options.Lenient = true
		} else {
			c.goal.Requires = append(c.goal.Requires, parseRelation(t, line))
		}
	}
}

// run returns the packages that the goal comes to, or its problems, a line each.
func (c *solveCase) run() string {
	var b strings.Builder
	s := c.universe.NewSolver(c.options)
	result, full := s.Solve(c.goal), s.SolveFully(c.goal)
	if fmt.Sprint(result) != fmt.Sprint(full) {
		fmt.Fprintf(&b, "the full solver has %v\n", full)
	}
	for _, id := range result.Packages {
		fmt.Fprintln(&b, c.universe.NEVRA(id))
	}
	if !result.OK {
		for _, p := range s.Explain(c.goal) {
			c.writeProblem(&b, p)
		}
	}
	return b.String()
}

func (c *solveCase) writeProblem(b *strings.Builder, p depsolve.Problem) {
	fmt.Fprintln(b, "problem", strings.ReplaceAll(p.String(), "\n  - ", "\n"))
	for _, cause := range c.universe.Causes([]depsolve.Problem{p}) {
		fmt.Fprintln(b, "cause", strings.ReplaceAll(cause.String(), "\n  - ", "\n"))
	}
	for _, r := range p.Reasons {
		for _, evr := range r.Available {
			fmt.Fprintln(b, "\tthere is", evr)
		}
	}
	for _, r := range p.Reasons {
		if r.Package != depsolve.None {
			fmt.Fprintf(b, "\t%v: %s\n", c.universe.NEVRA(r.Package), formatChain(c.universe, r.Chain))
		}
	}
}

func formatChain(u *depsolve.Universe, chain []depsolve.Link) string {
	var links []string
	for _, l := range chain {
		text := fmt.Sprintf("%v %s", l.Kind, l.Dep)
		if l.Package != depsolve.None {
			text = u.NEVRA(l.Package).String() + " " + text
		}
		links = append(links, text)
	}
	return strings.Join(links, ", ")
}
