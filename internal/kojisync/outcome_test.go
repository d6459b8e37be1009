package kojisync

import (
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

func TestFaultLine(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"error building package (arch x86_64), mock exited with status 1; see build.log", "error building package (arch x86_64), mock exited with status 1; see build.log"},
		{"Traceback (most recent call last):\n  File \"x.py\"\nOSError: [Errno 28] No space left on device\n", "OSError: [Errno 28] No space left on device"},
		{"first\nsecond", "first"},
		{"", ""},
		{"bad \xff byte", "bad ? byte"},
		{strings.Repeat("ä", 300), strings.Repeat("ä", 250) + "…"},
	}
	for _, test := range tests {
		if got := faultLine(&xmlrpc.Fault{String: test.text}); got != test.want {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}

func TestFindMarker(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, log string
		markers   []string
		want      string
	}{
		{"nothing", "", buildMarkers(), ""},
		{
			"dependencies", "DEBUG util.py: Error: \nDEBUG util.py:  Problem: conflicting requests\n  - nothing provides foo\n",
			initMarkers(), "",
		},
		{
			"download", "DEBUG util.py:  Errors during downloading metadata for repository 'build':\n" +
				"DEBUG util.py:  - Curl error (28): Timeout was reached\nDEBUG util.py:  Error: Failed to download metadata for repo 'build'\n",
			initMarkers(), "DEBUG util.py:  Error: Failed to download metadata for repo 'build'",
		},
		{"disk", "cc: error: x.o: No space left on device\nmake: *** [x] Error 1\n", buildMarkers(), "cc: error: x.o: No space left on device"},
		{"a test of curl", "FAIL: Curl error (28) is reported\n", buildMarkers(), ""},
	}
	for _, test := range tests {
		if got := findMarker([]byte(test.log), test.markers); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// A buildroot that was not made counts against a package only if its log says
// that something it needs cannot be installed.
func TestJudgeRootLog(t *testing.T) {
	t.Parallel()
	const download = "DEBUG util.py:  Error: Failed to download metadata for repo 'build'"
	const missing = "DEBUG util.py:   - nothing provides foo >= 3 needed by bar-1-1.x86_64"
	for _, tt := range []struct{ name, log, want string }{
		{"dnf", "DEBUG util.py: Error: \n Problem: conflicting requests\n" + missing + "\n child return code was: 1\n", ""},
		{"dnf5", "Failed to resolve the transaction:\nNo match for argument: foo\n", ""},
		{"yum", "Error: Package: bar-1-1.x86_64 (build)\n           Requires: foo >= 3\n", ""},
		{"file conflicts", "Error: Transaction test error:\n  file /usr/bin/x conflicts between\n", ""},
		{"download", download + "\nERROR: Command failed\n", download},
		{"download that was repeated", "  - Curl error (28): Timeout was reached\n" + missing + "\n", ""},
		{"download after all", missing + "\n" + download + "\n", download},
		{"neither", "ERROR: Command failed: # mount -n --bind /dev\n", errNoBuildroot},
		{"nothing", "", errNoBuildroot},
	} {
		if got := judgeRootLog([]byte(tt.log)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCulprit(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	children := []koji.Task{
		{ID: 4, State: koschei.TaskFailed, Completed: noon.Add(time.Minute)},
		{ID: 3, State: koschei.TaskFailed, Completed: noon},
		{ID: 2, State: koschei.TaskCanceled, Completed: noon},
		{ID: 1, State: koschei.TaskClosed},
	}
	if got := culpritOf(children); got == nil || got.ID != 3 {
		t.Errorf("culprit %+v, want task 3", got)
	}
	if got := culpritOf(children[2:]); got != nil {
		t.Errorf("culprit %+v, want none", got)
	}
}

// TestOutcomes lets tasks fail in every way that the simulated hub knows.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		pkg    string
		do     func(f *fixture)
		want   string
		method string // of the task that is to blame
	}{
		{"source", "foo", func(f *fixture) { f.world.Break(breakage("1")) }, "failed error building package (arch ", "buildArch"},
		{"one architecture", "foo", func(f *fixture) {
			b := breakage("1")
			b.Arch = "aarch64"
			f.world.Break(b)
		}, "failed error building package (arch aarch64)", "buildArch"},
		{"dependencies", "docs", func(*fixture) {}, "failed error building package (arch noarch)", "buildArch"},
		{"infrastructure", "foo", func(f *fixture) { f.world.SetRules(kojisim.Rules{Infrastructure: 1}) }, "infrastructure ", ""},
		{"no source package", "foo", func(f *fixture) {
			f.administer("untagBuildBypass", "f40", "foo-1-1")
			f.administer("deleteBuild", "foo-1-1", xmlrpc.Struct{{Name: "__starstar", Value: true}, {Name: "min_ref_age", Value: 0}})
		}, "infrastructure ", "rebuildSRPM"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := tracked(t)
			id, _ := f.submit(test.pkg)
			test.do(f)
			f.pass(24 * time.Hour)
			f.follow()
			if got := f.end(id); !strings.HasPrefix(got, test.want) {
				t.Errorf("the build is %q, want %s…", got, test.want)
			}
			if test.method == "" {
				return
			}
			method := "another task"
			for _, task := range f.BuildTasksOf(id) {
				if task.TaskID == f.BuildRow(id).FaultTaskID {
					method = task.Method
				}
			}
			if method != test.method {
				t.Errorf("to blame is %s, want %s", method, test.method)
			}
		})
	}
}

func TestPolicyViolation(t *testing.T) {
	t.Parallel()
	f := tracked(t)
	f.world.SetPolicy(kojisim.Policy{})
	id, _ := f.submit("foo")
	task, err := f.Primary.Build(t.Context(), koji.ScratchBuild{
		Key: "other", Source: "../packages/foo/1/1/src/foo-1-1.src.rpm", RepoID: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.SetBuild(id, pgtest.Task(task))
	f.pass(24 * time.Hour)
	f.follow()
	if got := f.end(id); !strings.HasPrefix(got, "infrastructure policy violation (build_from_repo_id)") {
		t.Errorf("the build is %q", got)
	}
	if got := f.PackageRow("foo").HoldUntil.Sub(f.Now()); got != time.Minute {
		t.Errorf("held for %s, want a minute", got)
	}
	refused, err := f.DB.PinningRefused(t.Context())
	if err != nil || refused.IsZero() {
		t.Errorf("pinning refused at %v (%v), want a time", refused, err)
	}
}
