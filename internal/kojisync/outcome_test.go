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
		{
			"Traceback (most recent call last):\n  File \"/x/hub.py\", line 3, in f\n    c.execute(sql)\npsycopg2.errors.DeadlockDetected: deadlock detected\n" +
				"DETAIL:  Process 1 waits for ShareLock\nHINT:  See server log for query details.\nCONTEXT:  while updating tuple (69,3)\n",
			"psycopg2.errors.DeadlockDetected: deadlock detected",
		},
		{
			"Traceback (most recent call last):\n  File \"/x/a.py\", line 1\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\n" +
				"Traceback (most recent call last):\n  File \"/x/b.py\", line 2, in g\n    raise X\n    ^^^^^^^\nValueError: bad\n  value",
			"ValueError: bad",
		},
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

// A disk is full if tools say so, and not if tests of the package do.
func TestDiskTrouble(t *testing.T) {
	t.Parallel()
	const full = "cc: error: x.o: No space left on device"
	for _, tt := range []struct{ name, log, want string }{
		{"nothing", "", ""},
		{"compiler", full + "\nmake: *** [x] Error 1\n", full},
		{"compiler after tests", "PASS: a\n" + full + "\nmake: *** [x] Error 1\nRPM build errors:\n", full},
		{"a test of curl", "FAIL: Curl error (28) is reported\n", ""},
		{"announced", "===> flush write error test\necho foo | tool > /dev/full\ntool: error 25: No space left on device\nError 1\n", ""},
		{"in the line", "cat: /dev/full: No space left on device\nFAIL: x\n", ""},
		{"automake", "printf: write error: No space left on device\nPASS: full.sh\nFAIL: other.sh\n", ""},
		{"TAP", "# write: No space left on device\nok 3 - tells of errors\nnot ok 4 - sum\n", ""},
		{"pytest", "OSError: No space left on device\ntest_io.py::test_full PASSED\nFAILED test_sum\n", ""},
		{"cargo", "Error: No space left on device (os error 28)\ntest full ... ok\ntest sum ... FAILED\n", ""},
	} {
		if got := diskTrouble([]byte(tt.log)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
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
	got := culpritsOf(children)
	if len(got) != 2 || got[0].ID != 3 || got[1].ID != 4 {
		t.Errorf("culprits %+v, want tasks 3 and 4", got)
	}
	if got := culpritsOf(children[2:]); got != nil {
		t.Errorf("culprits %+v, want none", got)
	}
}
