package kojihub

import (
	"fmt"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
)

// baseURL is the hub's address in messages.
const baseURL = "https://koji.example.test"

// An envelope is what of a message is not its body.
type envelope struct {
	topic, schema string
	user, pkg     string // whom and what it is about, "" if nothing
	severity      int
}

// describe returns the message about a fact; false if it gets none.
func describe(w *kojisim.System, f kojisim.Fact) (envelope, xmlrpc.Struct, bool) {
	switch f := f.(type) {
	case kojisim.TaskChange:
		return describeTask(w, f)
	case kojisim.BuildChange:
		return describeBuild(w, f)
	case kojisim.TagChange:
		return describeTagging(f)
	case kojisim.RepoChange:
		return describeRepo(f)
	case kojisim.ListChange:
		return describeListing(f)
	}
	return envelope{}, nil, false
}

// describeTask tells of scratch builds alone, as the plugin does.
func describeTask(w *kojisim.System, f kojisim.TaskChange) (envelope, xmlrpc.Struct, bool) {
	t := f.Task
	if t.Parent != nil || t.Method != "build" || len(t.Request) < 3 {
		return envelope{}, nil, false
	}
	opts, _ := t.Request[2].(xmlrpc.Struct)
	if scratch, _ := opts.Get("scratch"); scratch != true {
		return envelope{}, nil, false
	}
	return envelope{"task.state.change", "task.TaskStateChangeV1", t.Owner.Name, "", 20}, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "info", Value: taskMessage(w, t)},
		{Name: "method", Value: t.Method},
		{Name: "attribute", Value: "state"},
		{Name: "old", Value: kojisim.TaskStateName(f.Old)},
		{Name: "new", Value: kojisim.TaskStateName(t.State)},
		{Name: "id", Value: t.ID},
		{Name: "owner", Value: t.Owner.Name},
		{Name: "files_base_url", Value: baseURL + "/kojifiles/work"},
		{Name: "srpm", Value: baseName(t.Request[0])},
	}, true
}

func baseName(source any) any {
	s, ok := source.(string)
	if !ok {
		return nil
	}
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return s[i+1:]
		}
	}
	return s
}

// taskMessage is a task as messages describe it: times are whole seconds.
func taskMessage(w *kojisim.System, t *kojisim.Task) xmlrpc.Struct {
	children := []any{}
	for _, c := range t.Children {
		children = append(children, taskMessage(w, c))
	}
	out := xmlrpc.Struct{
		{Name: "arch", Value: t.Arch},
		{Name: "awaited", Value: boolOrNil(t.Awaited)},
		{Name: "channel_id", Value: t.Channel.ID},
		{Name: "completion_time", Value: secondsOrNil(t.Completed)},
		{Name: "create_time", Value: secondsOrNil(t.Created)},
		{Name: "host_id", Value: hostIDOrNil(t.Host)},
		{Name: "id", Value: t.ID},
		{Name: "label", Value: stringOrNil(t.Label)},
		{Name: "method", Value: t.Method},
		{Name: "owner", Value: t.Owner.Name},
		{Name: "parent", Value: parentOrNil(t)},
		{Name: "priority", Value: t.Priority},
		{Name: "start_time", Value: secondsOrNil(t.Started)},
		{Name: "state", Value: t.State},
		{Name: "waiting", Value: boolOrNil(t.Waiting)},
	}
	if t.Parent == nil {
		out = append(out, xmlrpc.Member{Name: "request", Value: wireList(t.Request)})
	}
	var hostName any
	if t.Host != nil {
		hostName = t.Host.Name
	}
	return append(out,
		xmlrpc.Member{Name: "host_name", Value: hostName},
		xmlrpc.Member{Name: "url", Value: fmt.Sprintf("%s/koji/taskinfo?taskID=%d", baseURL, t.ID)},
		xmlrpc.Member{Name: "result", Value: wireResult(w, t)},
		xmlrpc.Member{Name: "children", Value: children})
}

// isoOrNil is a time as messages about builds have it.
func isoOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999+00:00")
}

func secondsOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return float64(t.Unix())
}

func describeTagging(f kojisim.TagChange) (envelope, xmlrpc.Struct, bool) {
	g, by, topic, schema := f.Tagging, f.By, "tag", "tag.TagV1"
	if f.Left {
		topic, schema = "untag", "tag.UntagV1"
	}
	b := g.Build
	return envelope{topic, schema, by.Name, b.Package.Name, 10}, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "tag", Value: g.Tag.Name},
		{Name: "name", Value: b.Package.Name},
		{Name: "version", Value: b.EVR.Version},
		{Name: "release", Value: b.EVR.Release},
		{Name: "user", Value: by.Name},
		{Name: "owner", Value: b.Owner.Name},
		{Name: "tag_id", Value: g.Tag.ID},
		{Name: "build_id", Value: b.ID},
	}, true
}

func describeRepo(f kojisim.RepoChange) (envelope, xmlrpc.Struct, bool) {
	r, topic, schema := f.Repo, "repo.init", "repo.InitV1"
	if f.Ready {
		topic, schema = "repo.done", "repo.DoneV1"
	}
	return envelope{topic, schema, "", "", 10}, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "tag", Value: r.Tag.Name},
		{Name: "tag_id", Value: r.Tag.ID},
		{Name: "repo_id", Value: r.ID},
	}, true
}

func describeBuild(w *kojisim.System, f kojisim.BuildChange) (envelope, xmlrpc.Struct, bool) {
	b := f.Build
	var before, info, request any
	if f.Old >= 0 {
		before = f.Old
	}
	if t := w.TaskByID(b.TaskID); t != nil {
		info, request = taskMessage(w, t), wireList(t.Request)
	}
	return envelope{"build.state.change", "build.BuildStateChangeV1", b.Owner.Name, b.Package.Name, 20}, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "build_id", Value: b.ID},
		{Name: "name", Value: b.Package.Name},
		{Name: "version", Value: b.EVR.Version},
		{Name: "release", Value: b.EVR.Release},
		{Name: "epoch", Value: epochOrNil(b.EVR.Epoch)},
		{Name: "attribute", Value: "state"},
		{Name: "old", Value: before},
		{Name: "new", Value: f.New},
		{Name: "owner", Value: b.Owner.Name},
		{Name: "task_id", Value: idOrNil(b.TaskID)},
		{Name: "task", Value: info},
		{Name: "request", Value: request},
		{Name: "files_base_url", Value: baseURL + "/kojifiles/work"},
		{Name: "creation_time", Value: isoOrNil(b.Created)},
		{Name: "completion_time", Value: isoOrNil(b.Finished)},
		{Name: "url", Value: fmt.Sprintf("%s/koji/buildinfo?buildID=%d", baseURL, b.ID)},
	}, true
}

func describeListing(f kojisim.ListChange) (envelope, xmlrpc.Struct, bool) {
	l := f.Entry
	return envelope{"package.list.change", "package.ListChangeV1", l.Owner.Name, l.Package.Name, 10}, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "tag", Value: f.Tag.Name},
		{Name: "package", Value: l.Package.Name},
		{Name: "action", Value: f.Action},
		{Name: "owner", Value: l.Owner.Name},
		{Name: "block", Value: l.Blocked},
		{Name: "extra_arches", Value: stringOrNil(l.ExtraArches)},
		{Name: "force", Value: false},
		{Name: "update", Value: false},
	}, true
}

// jsonOf turns a wire value into what encoding/json writes alike.
func jsonOf(v any) any {
	switch v := v.(type) {
	case xmlrpc.Struct:
		out := make(map[string]any, len(v))
		for _, m := range v {
			out[m.Name] = jsonOf(m.Value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = jsonOf(e)
		}
		return out
	default:
		return v
	}
}
