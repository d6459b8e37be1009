package koschei

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// dependencies reads "name-version.arch@distance" words; the arch may be left
// out, and so may the distance.
func dependencies(t *testing.T, text string) []Dependency {
	t.Helper()
	var set []Dependency
	for _, word := range strings.Fields(text) {
		d := Dependency{NEVRA: rpm.NEVRA{Arch: "x86_64"}}
		word, distance, _ := strings.Cut(word, "@")
		if distance != "" {
			if _, err := fmt.Sscan(distance, &d.Distance); err != nil {
				t.Fatal(err)
			}
		}
		word, arch, found := strings.Cut(word, ".")
		if found {
			d.Arch = arch
		}
		d.Name, d.Version, _ = strings.Cut(word, "-")
		set = append(set, d)
	}
	slices.SortFunc(set, CompareDependencies)
	return set
}

func show(c Change) string {
	side := func(n *rpm.NEVRA) string {
		if n == nil {
			return "none"
		}
		return n.Version + "." + n.Arch
	}
	return fmt.Sprintf("%s: %s to %s @%d", c.Name, side(c.Prev), side(c.Curr), c.Distance)
}

func TestDiffDependencies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, prev, curr string
		want             []string
	}{
		{"nothing", "", "", nil},
		{"the same", "a-1@1 b-1", "a-1@1 b-1", nil},
		{"distance alone is no change", "a-1@1", "a-1@3", nil},
		{
			"upgraded, added, removed", "a-1@1 c-1@2 x-1@1", "a-1@1 c-2@2 e-1@2",
			[]string{"c: 1.x86_64 to 2.x86_64 @2", "e: none to 1.x86_64 @2", "x: 1.x86_64 to none @0"},
		},
		{"from nothing", "", "b-1 a-1@4", []string{"a: none to 1.x86_64 @4", "b: none to 1.x86_64 @0"}},
		{"to nothing", "a-1@1", "", []string{"a: 1.x86_64 to none @0"}},
		{
			"nearest first, then by name", "", "d-1 c-1@2 b-1@1 a-1@2",
			[]string{"b: none to 1.x86_64 @1", "a: none to 1.x86_64 @2", "c: none to 1.x86_64 @2", "d: none to 1.x86_64 @0"},
		},
		{"two architectures", "a-1.i686@1 a-1@1", "a-2.i686@1 a-2@1", []string{"a: 1.i686 to 2.i686 @1", "a: 1.x86_64 to 2.x86_64 @1"}},
		{"one of two architectures", "a-1.i686@1 a-1@1", "a-1.i686@1 a-2@1", []string{"a: 1.x86_64 to 2.x86_64 @1"}},
		{"several versions", "k-1@1 k-2@1", "k-2@1 k-3@1", []string{"k: 1.x86_64 to 3.x86_64 @1"}},
		{"a version goes", "k-1@1 k-2@1", "k-2@1", []string{"k: 1.x86_64 to none @0"}},
		{"a version comes", "k-2@1", "k-1@1 k-2@1", []string{"k: none to 1.x86_64 @1"}},
		{"moved to another architecture", "a-1@1", "a-1.noarch@1", []string{"a: 1.x86_64 to 1.noarch @1"}},
	}
	for _, test := range tests {
		var got []string
		for _, c := range DiffDependencies(dependencies(t, test.prev), dependencies(t, test.curr)) {
			got = append(got, show(c))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
