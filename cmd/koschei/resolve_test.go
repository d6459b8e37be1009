package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestResolveScripts runs the stories in testdata/resolve. Beyond the usual
// commands they have
//
//	exitcode N command args...   run a command that must exit with N
//	onlyline REGEXP              stderr is this one line, stdout is empty
//	repository DIR...            make repositories of the packages in DIR.txt;
//	                             see writeRepository
func TestResolveScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/resolve",
		UpdateScripts: os.Getenv("UPDATE_GOLDEN") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": checkExitCode,
			"onlyline": checkOnlyLine,
			"repository": func(ts *testscript.TestScript, _ bool, args []string) {
				for _, dir := range args {
					ts.Check(writeRepository(ts.MkAbs(dir), ts.ReadFile(dir+".txt")))
				}
			},
		},
	})
}

func checkExitCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if got := 0; errors.As(err, &exit) {
		if got = exit.ExitCode(); got != want {
			ts.Fatalf("exit code %d, want %d\n%s", got, want, ts.ReadFile("stderr"))
		}
	} else if err != nil || want != 0 {
		ts.Fatalf("exit code 0 or none (%v), want %d", err, want)
	}
}

func checkOnlyLine(ts *testscript.TestScript, _ bool, args []string) {
	if stdout := ts.ReadFile("stdout"); stdout != "" {
		ts.Fatalf("stdout is not empty:\n%s", stdout)
	}
	stderr := ts.ReadFile("stderr")
	line, rest, _ := strings.Cut(stderr, "\n")
	if rest != "" || !regexp.MustCompile(args[0]).MatchString(line) {
		ts.Fatalf("stderr is\n%swant the one line %s", stderr, args[0])
	}
}

// sharedData is where the metadata of whole distributions are.
func sharedData(tb testing.TB) string {
	tb.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", "data"))
	if err == nil {
		_, err = os.Stat(dir)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("the test data are missing: %v", err)
		}
		tb.Skipf("the test data are missing: %v", err)
	}
	return dir
}

// buildKoschei builds the program, for what must be measured in a process of
// its own.
func buildKoschei(tb testing.TB) string {
	tb.Helper()
	program := filepath.Join(tb.TempDir(), "koschei")
	if out, err := exec.CommandContext(tb.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// resolve runs "koschei resolve" on a distribution and returns its report.
func resolve(tb testing.TB, program, name string, args ...string) resolveReport {
	tb.Helper()
	data := filepath.Join(sharedData(tb), name)
	args = append([]string{
		"resolve", "--output", "json",
		"--binary", filepath.Join(data, "binary"), "--source", filepath.Join(data, "source"),
	}, args...)
	cmd := exec.CommandContext(tb.Context(), program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != exitNo) {
		tb.Fatalf("koschei resolve: %v\n%s", err, &stderr)
	}
	var report resolveReport
	if err := json.Unmarshal(stdout, &report); err != nil {
		tb.Fatal(err)
	}
	return report
}

// TestResolveLikeLibsolv compares the buildroots of whole distributions with
// those that libsolv finds.
func TestResolveLikeLibsolv(t *testing.T) {
	data := sharedData(t)
	program := buildKoschei(t)
	tests := []struct {
		name, format string
		goals        int
		// libsolv contradicts itself in these: in a fresh pool it gives our
		// answer.
		unstable []string
	}{
		{"bookworm", "name-distance", 34230, nil},
		{"cs9", "nevra", 17719, []string{"cap-02647", "cap-03741"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sets := filepath.Join(t.TempDir(), "sets.tsv")
			// The answers are those of goals without BuildConflicts.
			report := resolve(t, program, tt.name, "--lenient", "--sets", sets, "--sets-format", tt.format)
			if report.Goals != tt.goals || report.Resolved+report.Failed != tt.goals || len(report.Failures) != report.Failed {
				t.Errorf("%d goals, %d resolved, %d failed with %d failures; want %d goals",
					report.Goals, report.Resolved, report.Failed, len(report.Failures), tt.goals)
			}
			got := readLines(t, sets)
			if len(got) != tt.goals {
				t.Errorf("%d lines of sets, want %d", len(got), tt.goals)
			}
			differing := 0
			compared := 0
			for name, want := range readOracle(t, filepath.Join(data, tt.name+"-oracle.tsv.zst")) {
				compared++
				if got[name] != want {
					differing++
					if !strings.Contains(strings.Join(tt.unstable, " "), name) {
						t.Errorf("%s differs:\n got %s\nwant %s", name, got[name], want)
					}
				}
			}
			t.Logf("%d of %d goals compared differ, %d are known to", differing, compared, len(tt.unstable))
		})
	}
}

// readLines returns the lines of a sets file by goal.
func readLines(t *testing.T, name string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return linesByGoal(string(content))
}

// readOracle returns the lines of an oracle file as we write them: the third
// column of a failing goal is empty.
func readOracle(t *testing.T, name string) map[string]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	lines := linesByGoal(string(content))
	for goal, line := range lines {
		if strings.HasPrefix(line, goal+"\tFAIL\t") {
			lines[goal] = goal + "\tFAIL\t\n"
		}
	}
	return lines
}

func linesByGoal(content string) map[string]string {
	lines := make(map[string]string)
	for line := range strings.Lines(content) {
		goal, _, _ := strings.Cut(line, "\t")
		lines[goal] = line
	}
	return lines
}

// BenchmarkResolveBookworm measures the whole process, from compressed files to
// the answer: CPU seconds, user and system, and peak resident memory.
func BenchmarkResolveBookworm(b *testing.B) {
	program := buildKoschei(b)
	b.Run("report", func(b *testing.B) { benchmarkResolve(b, program, "bookworm") })
	b.Run("one-goroutine", func(b *testing.B) { benchmarkResolve(b, program, "bookworm", "--jobs", "1") })
	b.Run("sets", func(b *testing.B) {
		benchmarkResolve(b, program, "bookworm", "--sets", filepath.Join(b.TempDir(), "sets.tsv"))
	})
}

// BenchmarkResolveCS9 is BenchmarkResolveBookworm for goals of which a third
// fail; explaining them takes most of the time.
func BenchmarkResolveCS9(b *testing.B) {
	benchmarkResolve(b, buildKoschei(b), "cs9")
}

func benchmarkResolve(b *testing.B, program, distribution string, args ...string) {
	b.Helper()
	var cpu, peak float64
	for b.Loop() {
		report := resolve(b, program, distribution, args...)
		cpu += report.CPUSeconds
		peak = max(peak, float64(report.PeakBytes))
	}
	b.ReportMetric(cpu/float64(b.N), "cpu-s/op")
	b.ReportMetric(peak/1e6, "peak-MB")
}

// BenchmarkLibsolvReads is what the figures of BenchmarkResolve with sets are
// held against: libsolv's rpmmd2solv reading the same XML.
func BenchmarkLibsolvReads(b *testing.B) {
	program, err := exec.LookPath("rpmmd2solv")
	if err != nil {
		b.Skip("rpmmd2solv is missing; Debian has it in libsolv-tools")
	}
	documents := make(map[string][]byte)
	for _, part := range []string{"binary", "source"} {
		files, err := filepath.Glob(filepath.Join(sharedData(b), "bookworm", part, "repodata", "*-primary.xml.zst"))
		if err != nil || len(files) != 1 {
			b.Fatalf("%s: %v, %v", part, files, err)
		}
		packed, err := os.ReadFile(files[0])
		if err != nil {
			b.Fatal(err)
		}
		r, err := zstd.NewReader(nil)
		if err != nil {
			b.Fatal(err)
		}
		if documents[part], err = r.DecodeAll(packed, nil); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
	var cpu float64
	for b.Loop() {
		for _, document := range documents {
			cmd := exec.CommandContext(b.Context(), program)
			cmd.Stdin = bytes.NewReader(document)
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
			cpu += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
		}
	}
	b.ReportMetric(cpu/float64(b.N), "cpu-s/op")
}
