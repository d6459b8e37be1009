package depsolve_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestFreshOracle asks libsolv itself (Debian's python3-solv), in a process of
// its own for each goal. It runs with KOSCHEI_ORACLE=1, or with the number of
// goals to sample per distribution.
func TestFreshOracle(t *testing.T) {
	sample := sampleSize(t, 3000)
	for _, set := range []struct {
		name string
		read func() *dataset
	}{{"bookworm/binary", bookworm}, {"cs9/binary", cs9}} {
		for _, weak := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,weak=%v", set.name, weak), func(t *testing.T) {
				d := load(t, set.read)
				var goals []int
				for i := range d.sources {
					if i%(len(d.sources)/sample+1) == 0 || answeredOtherwise[d.sources[i].name] {
						goals = append(goals, i)
					}
				}
				compareWithLibsolv(t, d, set.name, goals, weak)
			})
		}
	}
}

// sampleSize is how many goals an opt-in test asks for, and skips the test if
// it has not been asked for.
func sampleSize(t *testing.T, usual int) int {
	n, err := strconv.Atoi(os.Getenv("KOSCHEI_ORACLE"))
	switch {
	case err != nil || n < 1:
		t.Skip("asks libsolv only with KOSCHEI_ORACLE=1")
	case n == 1:
		return usual
	}
	return n
}

func compareWithLibsolv(t *testing.T, d *dataset, repo string, goals []int, weak bool) {
	answers := ask(t, d, goals, weak, "testdata/oracle.py", metadata(t, repo, "*-primary.xml*"))
	solver := d.universe.NewSolver(depsolve.SolverOptions{WeakDeps: weak})
	different := 0
	for i, goal := range goals {
		got, want := "FAIL", answers[i]
		if r := solver.Solve(d.goal(goal)); r.OK {
			got = "OK\t" + strings.Join(longNames(d.universe, r.Packages), " ")
		}
		if strings.HasPrefix(want, "FAIL") {
			want = "FAIL"
		}
		if got != want {
			if different++; different <= 10 {
				t.Errorf("%s: %s", d.sources[goal].name, difference(got, want))
			}
		}
	}
	t.Logf("%d of %d goals differ", different, len(goals))
}

func longNames(u *depsolve.Universe, ids []depsolve.ID) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = u.NEVRA(id).Long()
	}
	slices.Sort(names)
	return names
}

// metadata returns the path of a file of a repository.
func metadata(t *testing.T, repo, pattern string) string {
	names, err := filepath.Glob(filepath.Join(sharedData, repo, "repodata", pattern))
	if err != nil || len(names) != 1 {
		t.Fatal(repo, pattern, names, err)
	}
	return names[0]
}

// ask runs a script, hands it goals and returns one answer for each.
func ask(t *testing.T, d *dataset, goals []int, weak bool, script ...string) []string {
	oracle := exec.CommandContext(t.Context(), "/usr/bin/python3", script...)
	oracle.Stderr = os.Stderr
	in, err := oracle.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := oracle.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := oracle.Start(); err != nil {
		t.Fatal(err)
	}
	go writeGoals(in, d, goals, weak)
	var answers []string
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		answers = append(answers, lines.Text())
	}
	if err := oracle.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(answers) != len(goals) {
		t.Fatalf("%s gave %d answers to %d goals", script[0], len(answers), len(goals))
	}
	return answers
}

// writeGoals writes goals as the script reads them. It ends early if the
// script does, which ask notices.
func writeGoals(in io.WriteCloser, d *dataset, goals []int, weak bool) {
	defer func() { _ = in.Close() }()
	w := json.NewEncoder(in)
	for _, i := range goals {
		requires := [][]string{}
		for _, r := range d.sources[i].requires {
			requires = append(requires, words(r))
		}
		if w.Encode(map[string]any{"group": d.group, "requires": requires, "weak": weak}) != nil {
			return
		}
	}
}

func words(r rpm.Relation) []string {
	if r.Op == 0 {
		return []string{r.Name}
	}
	return []string{r.Name, r.Op.String(), r.EVR.String()}
}

// TestFreshProblems compares the explanations of failing goals with those of
// hawkey: each problem must name the same culprits in the same words.
func TestFreshProblems(t *testing.T) {
	sample := sampleSize(t, 600)
	d := load(t, cs9)
	solver := d.universe.NewSolver(depsolve.SolverOptions{})
	var failing []int
	for i := range d.sources {
		if !solver.Solve(d.goal(i)).OK {
			failing = append(failing, i)
		}
	}
	var goals []int
	for i, goal := range failing {
		if i%(len(failing)/sample+1) == 0 {
			goals = append(goals, goal)
		}
	}
	answers := ask(t, d, goals, false, "testdata/problems.py",
		metadata(t, "cs9/binary", "*-primary.xml*"), metadata(t, "cs9/binary", "repomd.xml"))
	different, missing := 0, 0
	for i, goal := range goals {
		var want [][]string
		if err := json.Unmarshal([]byte(answers[i]), &want); err != nil {
			t.Fatal(err)
		}
		var got [][]string
		for _, p := range solver.Explain(d.goal(goal)) {
			if p.Reasons[0].Kind != depsolve.Missing {
				got = append(got, strings.Split(p.String(), "\n  - "))
			} else if want == nil {
				missing++
				break
			}
		}
		if want != nil && !sameProblems(got, want) {
			if different++; different <= 10 {
				t.Errorf("%s:\ngot  %q\nwant %q", d.sources[goal].name, got, want)
			}
		}
	}
	t.Logf("%d of %d explanations differ; %d goals ask for what does not exist", different, len(goals), missing)
}

func sameProblems(got, want [][]string) bool {
	for _, problems := range [][][]string{got, want} {
		for _, p := range problems {
			slices.Sort(p)
		}
		slices.SortFunc(problems, slices.Compare)
	}
	return slices.EqualFunc(got, want, slices.Equal[[]string])
}
