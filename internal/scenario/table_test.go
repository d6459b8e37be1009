package scenario_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

const table = "../../docs/stories.md"

// tableHead is what stands before the table.
const tableHead = `# Stories

What services do in one situation or another is told in
[internal/scenario/testdata/stories](../internal/scenario/testdata/stories), one file
each: a world, what happens in it, what is expected then. How they are written
says the comment of package ` + "`scenario`" + `. This table is written by
` + "`UPDATE_GOLDEN=1 go test ./internal/scenario`" + ` and held to the stories by the same test.

Numbers are those of behaviours that the tests of the original Koschei held it to, #
marks complaints and wishes of its users. What is not told in a story, because
another test shows it better, stands in the second table.

`

// TestTable holds docs/stories.md to the stories.
func TestTable(t *testing.T) {
	t.Parallel()
	told := map[string][]string{}
	for _, s := range stories(t) {
		link := fmt.Sprintf("[%s](../internal/scenario/testdata/stories/%s)", strings.TrimSuffix(s.file, ".txtar"), s.file)
		for _, what := range s.tells {
			told[what] = append(told[what], link)
		}
	}
	var b strings.Builder
	b.WriteString(tableHead + "| | told in |\n|---|---|\n")
	for _, what := range slices.SortedFunc(maps.Keys(told), byNumber) {
		fmt.Fprintf(&b, "| %s | %s |\n", what, strings.Join(told[what], "; "))
	}
	b.WriteString("\n| | shown by |\n|---|---|\n")
	for line := range elsewhere(t) {
		fmt.Fprintf(&b, "| %s | `%s` in `%s` |\n", line[0], line[2], line[1])
		if told[line[0]] != nil {
			t.Errorf("%s is told in a story and elsewhere", line[0])
		}
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(table, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(written), b.String()); diff != "" {
		t.Errorf("%s is not what the stories tell (-written +told):\n%s", table, diff)
	}
}

// byNumber orders behaviours before complaints.
func byNumber(a, b string) int {
	number := func(s string) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(s, "#"))
		return n
	}
	return cmp.Or(cmp.Compare(strings.Count(a, "#"), strings.Count(b, "#")), cmp.Compare(number(a), number(b)))
}

// elsewhere yields behaviours, and the file and function of the test that shows
// them, each of which must exist.
func elsewhere(t *testing.T) func(func([3]string) bool) {
	t.Helper()
	data, err := os.ReadFile("testdata/elsewhere.txt")
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func([3]string) bool) {
		for line := range strings.Lines(string(data)) {
			words := strings.Fields(line)
			if len(words) == 0 || words[0] == "//" {
				continue
			}
			if len(words) != 3 {
				t.Errorf("elsewhere.txt: %q is not a number, a file and a test", line)
				continue
			}
			source, err := os.ReadFile(filepath.Join("../..", words[1]))
			if err != nil || !strings.Contains(string(source), " "+words[2]+"(") {
				t.Errorf("elsewhere.txt: there is no %s in %s (%v)", words[2], words[1], err)
			}
			if !yield([3]string(words)) {
				return
			}
		}
	}
}
