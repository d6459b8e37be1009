package kojihub

import (
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojifiles"
)

// wireResult is the task's result as the hub sends it.
func wireResult(w *kojisim.System, t *kojisim.Task) any {
	if t.State != kojisim.TaskClosed {
		return nil
	}
	switch {
	case t.Method == "buildArch":
		return archResult(t)
	case t.IsSRPM():
		return srpmResult(t)
	case t.Method == "waitrepo":
		if r, ok := t.Result.(*kojisim.Repo); ok {
			return repoStruct(w, r)
		}
	}
	return wireValue(t.Result)
}

func inDir(t *kojisim.Task, names []string) []any {
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = t.Dir() + "/" + n
	}
	return out
}

func archResult(t *kojisim.Task) xmlrpc.Struct {
	rpms, srpms := kojifiles.TaskRPMs(t)
	logs := kojifiles.TaskLogs(t)
	if kojifiles.HasNoarch(t) {
		logs = append(logs, "noarch_rpmdiff.json")
	}
	return xmlrpc.Struct{
		{Name: "rpms", Value: inDir(t, rpms)},
		{Name: "srpms", Value: inDir(t, srpms)},
		{Name: "logs", Value: inDir(t, logs)},
		{Name: "brootid", Value: t.Notes.BrootID},
	}
}

func srpmResult(t *kojisim.Task) xmlrpc.Struct {
	file := t.Notes.Source.SourceFile()
	url := file
	if t.Method == "buildSRPMFromSCM" {
		url, _ = t.Request[0].(string)
		file = url
	}
	return xmlrpc.Struct{
		{Name: "srpm", Value: t.Dir() + "/" + t.Notes.Source.SourceFile()},
		{Name: "logs", Value: inDir(t, kojifiles.TaskLogs(t))},
		{Name: "brootid", Value: t.Notes.BrootID},
		{Name: "source", Value: xmlrpc.Struct{{Name: "source", Value: file}, {Name: "url", Value: url}}},
	}
}
