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
	sample, err := strconv.Atoi(os.Getenv("KOSCHEI_ORACLE"))
	if err != nil || sample < 1 {
		t.Skip("asks libsolv only with KOSCHEI_ORACLE=1")
	}
	if sample == 1 {
		sample = 3000
	}
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

func compareWithLibsolv(t *testing.T, d *dataset, repo string, goals []int, weak bool) {
	answers := askLibsolv(t, d, repo, goals, weak)
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

// askLibsolv returns one answer per goal.
func askLibsolv(t *testing.T, d *dataset, repo string, goals []int, weak bool) []string {
	primary, err := filepath.Glob(filepath.Join(sharedData, repo, "repodata", "*-primary.xml*"))
	if err != nil || len(primary) != 1 {
		t.Fatal(primary, err)
	}
	oracle := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/oracle.py", primary[0])
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
		t.Fatalf("libsolv gave %d answers to %d goals", len(answers), len(goals))
	}
	return answers
}

// writeGoals writes goals as the script reads them. It ends early if the
// script does, which askLibsolv notices.
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
