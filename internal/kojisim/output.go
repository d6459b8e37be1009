package kojisim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// taskLogs are the names of the logs that a task has written.
func taskLogs(t *task) []string {
	switch {
	case t.method == "createrepo" && t.state == taskClosed:
		return []string{"mergerepos.log", "createrepo.log"}
	case t.method == "createdistrepo" && t.state == taskClosed:
		return []string{"missing_signatures.log", "repo_manifest", "createrepo.log"}
	case !t.builds() || t.started.IsZero():
		return nil
	case t.state == taskCanceled:
		return []string{"mock_config.log"}
	case t.isSRPM() && t.state == taskFailed && t.notes.source == nil:
		return missingSourceLogs(t)
	}
	logs := []string{"mock_output.log", "root.log", "mock_config.log"}
	if t.fault != nil && t.fault.Code == fault.CodeBuildroot {
		return logs
	}
	logs = append(logs, "state.log", "installed_pkgs.log", "hw_info.log")
	if t.notes.outcome == nil || t.notes.outcome.Cause != CauseUnresolvable {
		logs = append(logs, "build.log")
	}
	if t.method == "buildSRPMFromSCM" {
		logs = append(logs, "checkout.log")
	}
	return logs
}

func missingSourceLogs(t *task) []string {
	logs := []string{"state.log", "installed_pkgs.log", "hw_info.log", "mock_output.log", "root.log", "mock_config.log"}
	if t.method == "buildSRPMFromSCM" {
		logs = append(logs, "checkout.log")
	}
	return logs
}

// taskRPMs are the names of the packages that a task has made.
func taskRPMs(t *task) (rpms, srpms []string) {
	b := t.notes.source
	if t.state != taskClosed || b == nil || !t.builds() {
		return nil, nil
	}
	if t.isSRPM() {
		return nil, []string{b.sourceFile()}
	}
	for _, p := range b.binaries {
		arch := p.Arch
		if arch != "noarch" {
			arch = t.label
		}
		rpms = append(rpms, fmt.Sprintf("%s-%s-%s.%s.rpm", p.Name, p.Version, p.Release, arch))
	}
	if keep, _ := t.request[3].(bool); keep {
		srpms = []string{b.sourceFile()}
	}
	return rpms, srpms
}

// hasNoarch reports whether a task makes packages for every architecture.
func hasNoarch(t *task) bool {
	for _, p := range t.notes.source.binaries {
		if p.Arch == "noarch" {
			return true
		}
	}
	return false
}

// outputNames are the names of all files of a task.
func outputNames(t *task) []string {
	rpms, srpms := taskRPMs(t)
	names := append(taskLogs(t), rpms...)
	if len(rpms) > 0 && hasNoarch(t) {
		names = append(names, "noarch_rpmdiff.json")
	}
	return append(names, srpms...)
}

// outputFile returns the content of one of a task's files. A package has one
// line that says what it is.
func outputFile(w *System, t *task, name string) ([]byte, bool) {
	if !slices.Contains(outputNames(t), name) {
		return nil, false
	}
	if strings.HasSuffix(name, ".rpm") {
		return []byte("simulated package " + name + "\n"), true
	}
	return []byte(logText(w, t, name)), true
}
