package kojisync

import (
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
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
