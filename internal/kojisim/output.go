package kojisim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// dir is where the task's files lie, below work.
func (t *task) dir() string { return fmt.Sprintf("tasks/%d/%d", t.id%10000, t.id) }

// builds reports whether the task runs mock.
func (t *task) builds() bool {
	return t.method == "buildArch" || t.isSRPM()
}

func (t *task) isSRPM() bool { return t.method == "rebuildSRPM" || t.method == "buildSRPMFromSCM" }

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
	if t.fault != nil && t.fault.Code == codeBuildroot {
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
func (w *World) outputFile(t *task, name string) ([]byte, bool) {
	if !slices.Contains(outputNames(t), name) {
		return nil, false
	}
	if strings.HasSuffix(name, ".rpm") {
		return []byte("simulated package " + name + "\n"), true
	}
	return []byte(w.log(t, name)), true
}

// wireResult is the task's result as the hub sends it.
func (w *World) wireResult(t *task) any {
	if t.state != taskClosed {
		return nil
	}
	switch {
	case t.method == "buildArch":
		return archResult(t)
	case t.isSRPM():
		return srpmResult(t)
	case t.method == "waitrepo":
		if r, ok := t.result.(*repo); ok {
			return w.repoStruct(r)
		}
	}
	return t.result
}

func inDir(t *task, names []string) []any {
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = t.dir() + "/" + n
	}
	return out
}

func archResult(t *task) xmlrpc.Struct {
	rpms, srpms := taskRPMs(t)
	logs := taskLogs(t)
	if hasNoarch(t) {
		logs = append(logs, "noarch_rpmdiff.json")
	}
	return xmlrpc.Struct{
		{Name: "rpms", Value: inDir(t, rpms)},
		{Name: "srpms", Value: inDir(t, srpms)},
		{Name: "logs", Value: inDir(t, logs)},
		{Name: "brootid", Value: t.notes.brootID},
	}
}

func srpmResult(t *task) xmlrpc.Struct {
	file := t.notes.source.sourceFile()
	url := file
	if t.method == "buildSRPMFromSCM" {
		url, _ = t.request[0].(string)
		file = url
	}
	return xmlrpc.Struct{
		{Name: "srpm", Value: t.dir() + "/" + t.notes.source.sourceFile()},
		{Name: "logs", Value: inDir(t, taskLogs(t))},
		{Name: "brootid", Value: t.notes.brootID},
		{Name: "source", Value: xmlrpc.Struct{{Name: "source", Value: file}, {Name: "url", Value: url}}},
	}
}
