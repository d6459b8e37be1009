package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link is a link of Markdown: [text](target).
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks checks that what a document links to in the repository exists: the
// file, and the heading if the link names one.
func TestLinks(t *testing.T) {
	links := 0
	walkMarkdown(t, func(file, text string) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			links++
			target, heading, _ := strings.Cut(m[1], "#")
			to := file
			if target != "" {
				to = filepath.Join(filepath.Dir(file), target)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which does not exist", file, m[1])
				continue
			}
			if heading != "" && !hasHeading(t, to, heading) {
				t.Errorf("%s links to %s, but %s has no such heading", file, m[1], to)
			}
		}
	})
	if links < 50 {
		t.Errorf("found only %d links: has the way we write them changed?", links)
	}
}

// TestDocumentsAreListed wants each document below docs to be reachable: linked
// from the README of its directory, or from docs/README.md.
func TestDocumentsAreListed(t *testing.T) {
	listed := map[string]bool{}
	var files []string
	walkMarkdown(t, func(file, text string) {
		if !strings.HasPrefix(file, filepath.Join(root, "docs")) {
			return
		}
		if filepath.Base(file) != "README.md" {
			files = append(files, file)
			return
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			listed[filepath.Join(filepath.Dir(file), m[1])] = true
		}
	})
	for _, file := range files {
		if !listed[file] {
			t.Errorf("no README.md below docs links to %s", file)
		}
	}
}

// hasHeading tells whether a heading of the file has that name in a link.
func hasHeading(t *testing.T, file, name string) bool {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	notInLinks := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for line := range strings.Lines(string(data)) {
		if heading := strings.TrimLeft(line, "#"); heading != line {
			anchor := notInLinks.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			if strings.ReplaceAll(anchor, " ", "-") == name {
				return true
			}
		}
	}
	return false
}

// walkMarkdown calls visit for every document of the repository.
func walkMarkdown(t *testing.T, visit func(file, text string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		skip := d.Name() == "testdata" || d.Name() == "tmp" || strings.HasPrefix(d.Name(), ".")
		if d.IsDir() && skip && file != root {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".md") {
			return nil
		}
		data, err := os.ReadFile(file)
		if err == nil {
			visit(file, string(data))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
