package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei/internal/whatif"
)

// TestResolveWithIsAnotherRepository changes small repositories at random and checks
// that the answers are those of a repository made of the packages that there
// are then.
func TestResolveWithIsAnotherRepository(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"aa", "bash", "cc", "dd", "ee", "ff"}
		base := drawRepository(rt, "base", names)
		with := drawRepository(rt, "with", names)
		without := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID).Draw(rt, "without")
		var o resolveOptions
		for _, name := range slices.Compact(namesOf(base)) {
			if slices.Contains(without, name) {
				o.without = append(o.without, name)
			}
		}
		changed := slices.DeleteFunc(slices.Clone(base), func(line string) bool {
			return slices.Contains(o.without, nameOf(line)) || slices.Contains(namesOf(with), nameOf(line))
		})
		changed = append(changed, with...)
		slices.SortStableFunc(changed, func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
		for name, packages := range map[string][]string{
			"base": base, "with": with, "changed": changed, "source": drawSources(rt, names),
		} {
			mustWriteRepository(t, filepath.Join(dir, name), strings.Join(packages, "\n"))
		}
		compareOverlay(t, dir, o)
	})
}

// drawRepository draws up to two versions of each package, sorted by name.
func drawRepository(t *rapid.T, label string, names []string) []string {
	var packages []string
	for _, name := range names {
		for version := range rapid.SampledFrom([]int{0, 1, 1, 1, 2}).Draw(t, label+" versions of "+name) {
			line := fmt.Sprintf("%s-%d-1.noarch", name, 3*version+rapid.IntRange(1, 2).Draw(t, "version"))
			for _, list := range []string{"requires", "conflicts", "provides"} {
				most := map[string]int{"requires": 2, "conflicts": 1, "provides": 1}[list]
				line += " " + list
				for range rapid.IntRange(0, most).Draw(t, list) {
					line += " " + drawRelation(t, names)
				}
			}
			if rapid.Bool().Draw(t, "files") {
				line += " files " + drawFile(t)
			}
			packages = append(packages, line)
		}
	}
	return packages
}

func drawSources(t *rapid.T, names []string) []string {
	sources := make([]string, 5)
	for i := range sources {
		sources[i] = fmt.Sprintf("source%d-1-1.src requires %s %s", i, drawRelation(t, names), drawRelation(t, names))
	}
	return sources
}

func drawRelation(t *rapid.T, names []string) string {
	switch rapid.IntRange(0, 5).Draw(t, "kind of relation") {
	case 0:
		return drawFile(t)
	case 1:
		return rapid.SampledFrom(names).Draw(t, "name") + ">=2"
	}
	return rapid.SampledFrom(names).Draw(t, "name")
}

func drawFile(t *rapid.T) string {
	return rapid.SampledFrom([]string{"/usr/share/a", "/usr/share/b"}).Draw(t, "file")
}

// nameOf is the name of the package on a line of writeRepository.
func nameOf(line string) string {
	name, _, _ := strings.Cut(line, "-")
	return name
}

func namesOf(lines []string) []string {
	var names []string
	for _, line := range lines {
		names = append(names, nameOf(line))
	}
	return names
}

// compareOverlay resolves base with its overlay, and what that comes to on its
// own, and compares all that is said.
func compareOverlay(t *testing.T, dir string, o resolveOptions) {
	t.Helper()
	before, old := resolveHere(t, dir, "base", resolveOptions{})
	want, wantSets := resolveHere(t, dir, "changed", resolveOptions{})
	o.with = filepath.Join(dir, "with")
	got, gotSets := resolveHere(t, dir, "base", o)
	if diff := cmp.Diff(wantSets, gotSets); diff != "" {
		t.Fatalf("other sets than those of the changed repository (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Failures, got.Failures); diff != "" {
		t.Fatalf("other failures than those of the changed repository (-want +got):\n%s", diff)
	}
	difference := whatif.Difference{Broken: []whatif.Failure{}, Fixed: []string{}, Changed: []string{}, SolvedAgain: got.With.SolvedAgain}
	for _, goal := range []string{"source0", "source1", "source2", "source3", "source4"} {
		failed := func(r resolveReport) int {
			return slices.IndexFunc(r.Failures, func(f whatif.Failure) bool { return f.Name == goal })
		}
		switch {
		case failed(before) < 0 && failed(want) >= 0:
			difference.Broken = append(difference.Broken, want.Failures[failed(want)])
		case failed(before) >= 0 && failed(want) < 0:
			difference.Fixed = append(difference.Fixed, goal)
		case old[goal] != wantSets[goal]:
			difference.Changed = append(difference.Changed, goal)
		}
	}
	if diff := cmp.Diff(&difference, got.With); diff != "" {
		t.Fatalf("other differences (-want +got):\n%s", diff)
	}
}

// resolveHere runs the command inside this process. It returns the report and
// the lines of the sets file.
func resolveHere(t *testing.T, dir, binary string, o resolveOptions) (resolveReport, map[string]string) {
	t.Helper()
	o.binary, o.source = filepath.Join(dir, binary), filepath.Join(dir, "source")
	o.sets = filepath.Join(dir, "sets")
	o.group, o.output, o.setsFormat, o.arch, o.jobs = "build", "json", "nevra", "x86_64", 1
	var stdout bytes.Buffer
	err := resolveAll(t.Context(), o, &stdout)
	var report resolveReport
	var exit *exitError
	switch {
	case err != nil && (!errors.As(err, &exit) || exit.code != exitNo):
		t.Fatal(err)
	case json.Unmarshal(stdout.Bytes(), &report) != nil:
		t.Fatalf("no report: %s", &stdout)
	}
	if wantExit := report.bad(); (err != nil) != wantExit {
		t.Fatalf("the error is %v for the report %s", err, &stdout)
	}
	return report, readLines(t, o.sets)
}

// TestResolveWithUpdates puts all updates of a release over it: the buildroots are
// those of the updated repository.
func TestResolveWithUpdates(t *testing.T) {
	updates := filepath.Join(sharedData(t), "bookworm-updates", "binary")
	program := buildKoschei(t)
	sets, want := filepath.Join(t.TempDir(), "sets.tsv"), filepath.Join(t.TempDir(), "want.tsv")
	report := resolve(t, program, "bookworm", "--with", updates, "--sets", sets)
	resolve(t, program, "bookworm", "--binary", updates, "--sets", want)
	got := readLines(t, sets)
	differing := 0
	for goal, line := range readLines(t, want) {
		if got[goal] != line {
			differing++
			t.Errorf("%s differs:\n got %s\nwant %s", goal, got[goal], line)
		}
	}
	t.Logf("%d goals, %d differ from a full run; %d were solved again, %.2f s of CPU",
		report.Goals, differing, report.With.SolvedAgain, report.CPUSeconds)
	if report.Goals != len(got) || len(report.With.Changed) == 0 {
		t.Errorf("%d goals, %d lines, %d changed", report.Goals, len(got), len(report.With.Changed))
	}
}

// TestResolveWithoutOne takes one package out of a distribution: few goals are solved
// again, and those that need it break.
func TestResolveWithoutOne(t *testing.T) {
	report := resolve(t, buildKoschei(t), "bookworm", "--without", "ant")
	t.Logf("%d of %d goals were solved again, %d broken, %.2f s of CPU",
		report.With.SolvedAgain, report.Goals, len(report.With.Broken), report.CPUSeconds)
	if again := report.With.SolvedAgain; again == 0 || again > report.Goals/4 || len(report.With.Broken) == 0 {
		t.Errorf("%d of %d goals were solved again, %d broken", again, report.Goals, len(report.With.Broken))
	}
}
