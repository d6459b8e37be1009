package depsolve_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestCases reads and resolves small repositories that others have written:
// testdata/cases, or the directory that KOSCHEI_CASES names. A case is a directory
// with binary/ and source/, which are repositories, a README with the command that
// was run, and expected.txt: what libsolv or hawkey answers, in the format of
// "koschei resolve --sets". Where a build is another thing than these say, as with
// boolean BuildRequires that are not met, expected-builddep.txt counts instead.
func TestCases(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("KOSCHEI_CASES")
	if dir == "" {
		dir = filepath.Join("testdata", "cases")
	}
	binaries, err := filepath.Glob(filepath.Join(dir, "*", "binary"))
	if err != nil || len(binaries) == 0 {
		t.Fatalf("%s has no cases: %v", dir, err)
	}
	for _, binary := range binaries {
		c := caseDir(filepath.Dir(binary))
		t.Run(filepath.Base(string(c)), func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want(t), c.answers(t)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

type caseDir string

func (c caseDir) want(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(c), "expected-builddep.txt"))
	if errors.Is(err, os.ErrNotExist) {
		text, err = os.ReadFile(filepath.Join(string(c), "expected.txt"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	archFlag = regexp.MustCompile(`koschei resolve .*--arch (\w+)`)
	weakFlag = regexp.MustCompile(`koschei resolve .*--weak-deps\b`)
)

// answers resolves all source packages. If the binary repository cannot be read,
// all of them fail, as for libsolv.
func (c caseDir) answers(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(string(c), "README"))
	if err != nil {
		t.Fatal(err)
	}
	arch := "x86_64"
	if m := archFlag.FindSubmatch(readme); m != nil {
		arch = string(m[1])
	}
	var sources []*rpm.Package
	source, err := repodata.Open(t.Context(), filepath.Join(string(c), "source"), nil)
	if err == nil {
		err = source.Packages(t.Context(), func(p *rpm.Package) error {
			sources = append(sources, p.Clone())
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	universe, group, err := c.load(t.Context(), arch, sources)
	if err != nil {
		t.Log(err)
	}
	var b strings.Builder
	for _, p := range sources {
		line := "FAIL\t"
		if universe != nil && p.Flaw == "" {
			s := universe.NewSolver(depsolve.SolverOptions{WeakDeps: weakFlag.Match(readme)})
			goal := depsolve.Goal{Group: group, Requires: p.Requires, Conflicts: p.Conflicts}
			if r := s.Solve(goal); r.OK {
				line = "OK\t" + strings.Join(longNames(universe, r.Packages), " ")
			} else if len(s.Explain(goal)) == 0 {
				t.Errorf("%s fails without a reason", p.Name)
			}
		}
		fmt.Fprintf(&b, "%s\t%s\n", p.Name, line)
	}
	return b.String()
}

func (c caseDir) load(ctx context.Context, arch string, sources []*rpm.Package) (*depsolve.Universe, []string, error) {
	repo, err := repodata.Open(ctx, filepath.Join(string(c), "binary"), nil)
	if err != nil {
		return nil, nil, err
	}
	group, err := repo.Group(ctx, "build")
	if err != nil {
		return nil, nil, err
	}
	var paths []string
	for _, p := range sources {
		paths = repodata.Paths(paths, slices.Concat(p.Requires, p.Conflicts))
	}
	b := depsolve.NewBuilder(depsolve.Options{Arch: arch})
	if _, err = repo.Load(ctx, b, b.AddRepo("repo", 99), paths...); err != nil {
		return nil, nil, err
	}
	return b.Universe(), group, nil
}
