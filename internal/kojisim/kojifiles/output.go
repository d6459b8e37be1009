package kojifiles

import (
	"fmt"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// TaskLogs are the names of the logs that a task has written.
func TaskLogs(t *kojisim.Task) []string {
	switch {
	case t.Method == "createrepo" && t.State == kojisim.TaskClosed:
		return []string{"mergerepos.log", "createrepo.log"}
	case t.Method == "createdistrepo" && t.State == kojisim.TaskClosed:
		return []string{"missing_signatures.log", "repo_manifest", "createrepo.log"}
	case !t.RunsMock() || t.Started.IsZero():
		return nil
	case t.State == kojisim.TaskCanceled:
		return []string{"mock_config.log"}
	case t.IsSRPM() && t.State == kojisim.TaskFailed && t.Notes.Source == nil:
		return missingSourceLogs(t)
	}
	logs := []string{"mock_output.log", "root.log", "mock_config.log"}
	if t.Fault != nil && t.Fault.Code == fault.CodeBuildroot {
		return logs
	}
	logs = append(logs, "state.log", "installed_pkgs.log", "hw_info.log")
	if t.Notes.Outcome == nil || t.Notes.Outcome.Cause != kojisim.CauseUnresolvable {
		logs = append(logs, "build.log")
	}
	if t.Method == "buildSRPMFromSCM" {
		logs = append(logs, "checkout.log")
	}
	return logs
}

func missingSourceLogs(t *kojisim.Task) []string {
	logs := []string{"state.log", "installed_pkgs.log", "hw_info.log", "mock_output.log", "root.log", "mock_config.log"}
	if t.Method == "buildSRPMFromSCM" {
		logs = append(logs, "checkout.log")
	}
	return logs
}

// TaskRPMs are the names of the packages that a task has made.
func TaskRPMs(t *kojisim.Task) (rpms, srpms []string) {
	b := t.Notes.Source
	if t.State != kojisim.TaskClosed || b == nil || !t.RunsMock() {
		return nil, nil
	}
	if t.IsSRPM() {
		return nil, []string{b.SourceFile()}
	}
	for _, p := range b.Binaries {
		arch := p.Arch
		if arch != "noarch" {
			arch = t.Label
		}
		rpms = append(rpms, fmt.Sprintf("%s-%s-%s.%s.rpm", p.Name, p.Version, p.Release, arch))
	}
	if keep, _ := t.Request[3].(bool); keep {
		srpms = []string{b.SourceFile()}
	}
	return rpms, srpms
}

// HasNoarch reports whether a task makes packages for every architecture.
func HasNoarch(t *kojisim.Task) bool {
	for _, p := range t.Notes.Source.Binaries {
		if p.Arch == "noarch" {
			return true
		}
	}
	return false
}

// OutputNames are the names of all files of a task.
func OutputNames(t *kojisim.Task) []string {
	rpms, srpms := TaskRPMs(t)
	names := append(TaskLogs(t), rpms...)
	if len(rpms) > 0 && HasNoarch(t) {
		names = append(names, "noarch_rpmdiff.json")
	}
	return append(names, srpms...)
}
