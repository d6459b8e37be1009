package scenario_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

const (
	listFile  = "../../docs/stories.md"
	storyLink = "../internal/scenario/testdata/stories/"
)

// TestStoryList holds docs/stories.md to the stories: it names each of them
// once, and no other.
func TestStoryList(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile(listFile)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]int{}
	entry := regexp.MustCompile(`(?m)^- \[([^\]]+)\]\(` + regexp.QuoteMeta(storyLink) + `([^)]+)\): \S`)
	for _, m := range entry.FindAllStringSubmatch(string(list), -1) {
		if m[1]+".txtar" != m[2] {
			t.Errorf("%s: the text %q is not the name of %s", listFile, m[1], m[2])
		}
		named[m[2]]++
	}
	for _, s := range stories(t) {
		if filepath.Dir(s.path) != ownStories {
			continue
		}
		if n := named[s.file]; n != 1 {
			t.Errorf("%s names %s %d times, want once with a sentence: - [name](%sname.txtar): what it protects", listFile, s.file, n, storyLink)
		}
		delete(named, s.file)
	}
	for file := range named {
		t.Errorf("%s names %s, which does not exist", listFile, file)
	}
}
