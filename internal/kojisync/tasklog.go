package kojisync

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// logTail is how much of a log is looked at. What ended a build stands last.
const logTail = 16 << 10

// initMarkers are what mock's root log says when a buildroot could not be made
// for reasons that have nothing to do with what was to be installed.
func initMarkers() []string {
	return []string{
		"Failed to download metadata for repo",
		"Cannot download repomd.xml",
		"Error downloading packages",
		"Failed to synchronize cache for repo",
		"Curl error (",
		"Could not resolve host",
		diskFull,
		"Read-only file system",
		"Input/output error",
	}
}

// dependencyMarkers are what it says when something cannot be installed, in the
// words of yum, dnf and dnf5.
func dependencyMarkers() []string {
	return []string{
		"nothing provides",
		"none of the providers can be installed",
		"conflicting requests",
		"cannot install the best candidate",
		"cannot install both",
		"No match for argument",
		"No matching package to install",
		"No Package found for",
		"Unable to find a match",
		"Failed to resolve the transaction",
		"Requires: ",
		"Transaction test error",
		" conflicts with ",
	}
}

// A mock is how mock ended, as a builder says it.
type mock struct{ status, log string }

var mockEnd = regexp.MustCompile(`mock exited with status (\d+)(?:; see (.+\.log))?`)

func mockOf(fault string) mock {
	if m := mockEnd.FindStringSubmatch(fault); m != nil {
		return mock{m[1], m[2]}
	}
	return mock{}
}

// Statuses of mock that name the culprit. All but these, and 1 for whatever the
// command that failed left, are about the buildroot.
const (
	mockUnspecified = "1"
	mockBuild       = "10" // rpmbuild failed
	mockTimeout     = "11" // the build took longer than builders allow
	mockSource      = "40" // trouble with the source package, or no packages came out
)

// troubleInLogs returns what the logs of a failed task say of trouble that is
// not the package's, "" if nothing.
func (s *Sync) troubleInLogs(ctx context.Context, culprit *koji.Task, fault string) (string, error) {
	switch end := mockOf(fault); end.status {
	case mockTimeout, mockSource:
		return "", nil
	case "", mockBuild:
		log, _, err := s.readLog(ctx, culprit, "build.log")
		return diskTrouble(log), err
	case mockUnspecified:
		return s.troubleInEither(ctx, culprit)
	}
	log, _, err := s.readLog(ctx, culprit, "root.log")
	if err != nil {
		return "", err
	}
	return judgeRootLog(log), nil
}

// troubleInEither is for a status that rpmbuild leaves as well as dnf: the log of
// the build tells only if the build got that far.
func (s *Sync) troubleInEither(ctx context.Context, culprit *koji.Task) (string, error) {
	log, there, err := s.readLog(ctx, culprit, "build.log")
	if err != nil {
		return "", err
	}
	trouble := diskTrouble(log)
	if trouble != "" || there && rpmbuildFailed(log) {
		return trouble, nil
	}
	root, rootThere, err := s.readLog(ctx, culprit, "root.log")
	if err != nil || there && !rootThere {
		return "", err
	}
	trouble = judgeRootLog(root)
	if there && trouble == errNoBuildroot {
		return "", nil // there was a buildroot
	}
	return trouble, nil
}

// readLog returns the end of a log, and whether there is one that can be read.
func (s *Sync) readLog(ctx context.Context, task *koji.Task, name string) (tail []byte, there bool, err error) {
	tail, err = s.Primary.TaskOutputTail(ctx, task.ID, name, logTail)
	switch class := koji.ClassOf(err); {
	case err == nil:
		return tail, true, nil
	case class == koji.Permanent, class == koji.Infrastructure:
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("%s of task %d: %w", name, task.ID, err)
}

// rpmbuildFailed tells whether a build's log ends as rpmbuild ends it.
func rpmbuildFailed(log []byte) bool {
	return slices.ContainsFunc([]string{"RPM build errors:", "Bad exit status from ", "Failed build dependencies:"}, func(end string) bool {
		return bytes.Contains(log, []byte(end))
	})
}

const (
	diskFull   = "No space left on device"
	nearDevice = 20 // lines within which a test writes to a full device after it said so
)

// passed are lines of tests that went well, in the words of automake, TAP,
// ctest, pytest, cargo, Go and unittest.
var passed = regexp.MustCompile(`^\s*(PASS|ok|OK|XFAIL|PASSED|--- PASS)\b|(\bPASSED|\bPassed|\.\.\. ?ok|: ok|\bOK)\b`)

// diskTrouble returns the last line of a build's log that tells of a full disk.
// Packages print what they like, and test suites write to /dev/full on purpose: a
// disk is not full if they say so, or if a test went well after it.
func diskTrouble(log []byte) string {
	lines := bytes.Split(log, []byte("\n"))
	for i, line := range slices.Backward(lines) {
		if passed.Match(line) {
			return ""
		}
		if !bytes.Contains(line, []byte(diskFull)) {
			continue
		}
		if !slices.ContainsFunc(lines[max(0, i-nearDevice):i+1], saysFull) {
			return faultLine(&xmlrpc.Fault{String: string(line)})
		}
	}
	return ""
}

func saysFull(line []byte) bool {
	line = bytes.ToLower(line)
	return slices.ContainsFunc([]string{"dev/full", "dev-full", "dev_full", "devfull", "write error test", "enospc"}, func(word string) bool {
		return bytes.Contains(line, []byte(word))
	})
}

// errNoBuildroot is the trouble of a buildroot that was not made for reasons
// that its log does not name.
const errNoBuildroot = "the buildroot could not be made, and its log names no dependency that was missing"

// judgeRootLog tells why a buildroot was not made: "" if what was to be
// installed could not be, else what the trouble was. What stands last counts: a
// download that failed may have been repeated.
func judgeRootLog(log []byte) string {
	lines := bytes.Split(log, []byte("\n"))
	for _, line := range slices.Backward(lines) {
		if hasMarker(line, initMarkers()) {
			return faultLine(&xmlrpc.Fault{String: string(line)})
		}
		if hasMarker(line, dependencyMarkers()) {
			return ""
		}
	}
	return errNoBuildroot
}

func hasMarker(line []byte, markers []string) bool {
	return slices.ContainsFunc(markers, func(m string) bool { return bytes.Contains(line, []byte(m)) })
}
