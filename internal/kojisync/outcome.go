package kojisync

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/record"
)

// An ending is what a task's end means for its build.
type ending struct {
	outcome   koschei.Outcome
	fault     string // one line; "" if it completed
	faultTask int64
	pinning   bool // the hub does not let us choose the repo
}

// judge finds out what the end of a task means. A task that failed says
// something about its package only if a builder came to build it: faults of
// the hub, of builders and of the way to the repo do not count.
func (s *Sync) judge(ctx context.Context, b *record.RunningBuild, task *koji.Task, children []koji.Task) (ending, error) {
	switch task.State {
	case koschei.TaskClosed:
		return ending{outcome: koschei.OutcomeComplete}, nil
	case koschei.TaskCanceled:
		return s.judgeCanceled(b, task), nil
	}
	result, err := s.Primary.TaskResult(ctx, task.ID)
	if err != nil {
		return ending{}, fmt.Errorf("result of task %d: %w", task.ID, err)
	}
	if result.Fault == nil {
		return ending{}, fmt.Errorf("task %d failed, but its result is no fault", task.ID)
	}
	end := ending{outcome: koschei.OutcomeInfrastructure, fault: faultLine(result.Fault), faultTask: task.ID}
	end.pinning = strings.Contains(end.fault, "policy violation (build_from_repo_id)")
	culprit := culpritOf(children)
	if culprit != nil {
		end.faultTask = culprit.ID
	}
	if koji.ClassOfTask(result.Fault) != koji.PackageOwn {
		return end, nil
	}
	if culprit != nil {
		trouble, err := s.troubleInLogs(ctx, culprit, end.fault)
		if err != nil {
			return ending{}, err
		}
		if trouble != "" {
			end.fault = trouble
			return end, nil
		}
	}
	end.outcome = koschei.OutcomeFailed
	return end, nil
}

func (s *Sync) judgeCanceled(b *record.RunningBuild, task *koji.Task) ending {
	ran := cmp.Or(task.Completed, s.Now()).Sub(b.Started)
	switch {
	case b.CancelRequested:
		return ending{outcome: koschei.OutcomeCanceled, fault: "canceled on request", faultTask: task.ID}
	case ran >= s.TaskTimeout:
		return ending{
			outcome: koschei.OutcomeTimeout, faultTask: task.ID,
			fault: fmt.Sprintf("canceled after %s, the longest time a build may take", s.TaskTimeout.Round(time.Minute)),
		}
	default:
		return ending{outcome: koschei.OutcomeCanceled, fault: "canceled in Koji", faultTask: task.ID}
	}
}

// culpritOf returns the child that failed first, nil if none did.
func culpritOf(children []koji.Task) *koji.Task {
	var first *koji.Task
	for i := range children {
		t := &children[i]
		if t.State == koschei.TaskFailed && (first == nil || t.Completed.Before(first.Completed)) {
			first = t
		}
	}
	return first
}

// faultLine is a fault in one line; of a traceback that is the last.
func faultLine(fault *xmlrpc.Fault) string {
	lines := strings.Split(strings.TrimSpace(fault.String), "\n")
	line := lines[0]
	if strings.HasPrefix(line, "Traceback") {
		line = lines[len(lines)-1]
	}
	const longest = 500
	line = strings.ToValidUTF8(strings.TrimSpace(line), "?")
	if len(line) > longest {
		line = strings.ToValidUTF8(line[:longest], "") + "…"
	}
	return line
}

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
		"No space left on device",
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

// buildMarkers are what a builder in trouble leaves in the log of a package's
// own build. They are few, for packages print what they like.
func buildMarkers() []string {
	return []string{"No space left on device"}
}

// troubleInLogs returns what the logs of a failed task say of trouble that is
// not the package's, "" if nothing. A log that is not there says nothing.
func (s *Sync) troubleInLogs(ctx context.Context, culprit *koji.Task, fault string) (string, error) {
	name, judge := "build.log", func(log []byte) string { return findMarker(log, buildMarkers()) }
	if strings.Contains(fault, "mock exited with status 30") || strings.Contains(fault, "see root.log") {
		name, judge = "root.log", judgeRootLog
	}
	tail, err := s.Primary.TaskOutput(ctx, culprit.ID, name, -logTail, -1)
	switch {
	case koji.ClassOf(err) == koji.Permanent || koji.ClassOf(err) == koji.Infrastructure:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("%s of task %d: %w", name, culprit.ID, err)
	}
	return judge(tail), nil
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

// findMarker returns the last line that has one of the markers.
func findMarker(log []byte, markers []string) string {
	lines := bytes.Split(log, []byte("\n"))
	for _, line := range slices.Backward(lines) {
		if hasMarker(line, markers) {
			return faultLine(&xmlrpc.Fault{String: string(line)})
		}
	}
	return ""
}
