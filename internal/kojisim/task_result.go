package kojisim

import (
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// wireResult is the task's result as the hub sends it.
func wireResult(w *System, t *task) any {
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
			return repoStruct(w, r)
		}
	}
	return wireValue(t.result)
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
