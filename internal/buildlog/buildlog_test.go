package buildlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/koschei-ci/koschei/internal/buildlog"
)

// TestFind reads logs that end as those of mock and rpmbuild do, and looks what is
// found of each: the file "want" of a case.
func TestFind(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d cases (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var logs []buildlog.Log
			want := ""
			for _, f := range txtar.Parse(content).Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				logs = append(logs, buildlog.Log{Name: f.Name, Text: f.Data})
			}
			e, ok := buildlog.Find(logs...)
			if !ok {
				t.Fatal("nothing is found")
			}
			got := fmt.Sprintf("%s in %s: %s\nmessage: %s\nline: %s\n", e.Kind, e.Log, e.Phase, e.Message, lineOf(&e))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// lineOf is the line of the error; the last with text without one.
func lineOf(e *buildlog.Excerpt) string {
	if e.Error >= 0 {
		return e.Lines[e.Error].Text
	}
	line := ""
	for _, l := range e.Lines {
		if strings.TrimSpace(l.Text) != "" {
			line = l.Text
		}
	}
	return line
}

func TestLinesAreFew(t *testing.T) {
	t.Parallel()
	text := "Executing(%build): /bin/sh -e x\n" + strings.Repeat("gcc -c a.c\n", 500) +
		"a.c:7:1: error: expected ';' before '}'\n" + strings.Repeat("gcc -c b.c\n", 500) +
		"make: *** [Makefile:3: all] Error 1\nerror: Bad exit status from /var/tmp/rpm-tmp.1 (%build)\n"
	e, ok := buildlog.Find(buildlog.Log{Name: "build.log", Text: []byte(text)})
	if !ok || e.Kind != "cc.error" || len(e.Lines) != buildlog.MaxLines || e.Total != 1004 {
		t.Fatalf("%v, %s with %d lines of %d", ok, e.Kind, len(e.Lines), e.Total)
	}
	if l := e.Lines[e.Error]; l.Number != 502 || !strings.HasPrefix(l.Text, "a.c:7:1") {
		t.Errorf("the error is line %d: %s", l.Number, l.Text)
	}
	if l := e.Lines[len(e.Lines)-1]; l.Number != 1004 {
		t.Errorf("the last line shown is %d: %s", l.Number, l.Text)
	}
	e, _ = buildlog.Find(buildlog.Log{Name: "build.log", Text: []byte(text), Cut: true})
	if e.Total != 0 {
		t.Errorf("of a log whose beginning is missing, %d lines are told", e.Total)
	}
}

// What cannot be shown does no harm, whatever builds print.
func TestOddText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	text := "Executing(%check): /bin/sh\n\x1b[31mFAIL\x1b[0m: odd\xff\x00name\r\n 10%\r 20%\r100%\n" + long + "\nerror: Bad exit status from /x (%check)\n"
	e, ok := buildlog.Find(buildlog.Log{Name: "build.log", Text: []byte(text)})
	want := []string{"Executing(%check): /bin/sh", "FAIL: odd?name", "100%", strings.Repeat("x", 400) + "…", "error: Bad exit status from /x (%check)"}
	if diff := cmp.Diff(want, e.Texts()); !ok || diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	for _, none := range []string{"", "\n\n", " \r\n"} {
		if e, ok := buildlog.Find(buildlog.Log{Name: "build.log", Text: []byte(none)}); ok {
			t.Errorf("in an empty log is found %+v", e)
		}
	}
}

// Two builds that fail alike have one signature, in different places, at different
// times; others have others.
func TestSignature(t *testing.T) {
	t.Parallel()
	of := func(phase, line string) string {
		text := "Executing(" + phase + "): /bin/sh\n" + line + "\nerror: Bad exit status from /x (" + phase + ")\n"
		e, _ := buildlog.Find(buildlog.Log{Name: "build.log", Text: []byte(text)})
		return e.Signature
	}
	first := of("%build", "src/a.c:10:5: error: unknown type name 'gint64'")
	if first == "" || first != of("%build", "lib/b.c:99: error: unknown type name 'gint64'") {
		t.Error("the same error in two places has two signatures")
	}
	for _, other := range []string{
		of("%check", "src/a.c:10:5: error: unknown type name 'gint64'"),
		of("%build", "src/a.c:10:5: error: unknown type name 'gint32'"),
		of("%build", "nobody knows what that is"),
	} {
		if other == first {
			t.Error("another error has the same signature")
		}
	}
	if s := of("%build", "nobody knows what that is"); s != "" {
		t.Errorf("what no rule knows has signature %q", s)
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte("Executing(%build): x\na.c:1: error: b\nerror: Bad exit status from /x (%build)\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, root bool) {
		log := buildlog.Log{Name: "build.log", Text: text}
		if root {
			log.Name = "root.log"
		}
		e, ok := buildlog.Find(log)
		if len(e.Lines) > buildlog.MaxLines || ok != (len(e.Lines) > 0) || e.Error >= len(e.Lines) || (e.Error >= 0) != (e.Kind != "") {
			t.Fatalf("%v: %+v", ok, e)
		}
	})
}
