package main

import (
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/bus/amqp/brokertest"
)

// Every sink that docs/operations/notifications.md sets up can be set up so.
func TestSinkExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	authority := brokertest.NewAuthority(t)
	certificate, key := authority.ServerFiles(dir)
	files := map[string]string{"cacert.pem": read(t, authority.File(dir)), "koschei.crt": read(t, certificate), "koschei.key": read(t, key)}
	for _, name := range regexp.MustCompile(`/etc/koschei/([a-z.]+)`).FindAllSubmatch(page, -1) {
		switch file := string(name[1]); filepath.Ext(file) {
		case ".secret":
			files[file] = "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
		case ".password", ".key":
			if files[file] == "" {
				files[file] = "secret\n"
			}
		}
	}
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	named := map[string]bool{}
	for _, example := range yamlExamples(string(page)) {
		file := filepath.Join(t.TempDir(), "koschei.yaml")
		text := strings.ReplaceAll(example, "/etc/koschei/", dir+"/")
		if !strings.Contains(text, "frontend:") {
			text = "frontend:\n  url: https://koschei.example.org\n" + text
		}
		write(t, file, text)
		c, err := loadConfig([]string{file}, nil)
		if err != nil {
			t.Errorf("%v:\n%s", err, example)
			continue
		}
		sinks, err := c.sinks(slog.New(slog.DiscardHandler))
		if err != nil || len(sinks) == 0 {
			t.Errorf("%d sinks, %v:\n%s", len(sinks), err, example)
		}
		for _, s := range sinks {
			named[s.Name()] = true
		}
	}
	for _, name := range []string{"bus", "mail", "webhook chat", "hook", "bugzilla", "resultsdb", "ci"} {
		if !named[name] {
			t.Errorf("there is no example of sink %s", name)
		}
	}
}

// yamlExamples are the blocks of a page that are configuration.
func yamlExamples(page string) (all []string) {
	for block := range strings.SplitSeq(page, "\n\n") {
		var lines []string
		for line := range strings.Lines(block) {
			if text, indented := strings.CutPrefix(line, "    "); indented {
				lines = append(lines, text)
			}
		}
		if text := strings.Join(lines, ""); regexp.MustCompile(`^(bus|frontend|notifier):\n`).MatchString(text) {
			all = append(all, text+"\n")
		}
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
