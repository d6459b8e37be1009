package kojisim

import (
	"fmt"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
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
func describe(w *System, f Fact) (envelope, xmlrpc.Struct, bool) {
	switch f := f.(type) {
	case TaskChange:
		return describeTask(w, f)
	case BuildChange:
		return describeBuild(w, f)
	case TagChange:
		return describeTagging(f)
	case RepoChange:
		return describeRepo(f)
	case ListChange:
		return describeListing(f)
	}
	return envelope{}, nil, false
}

// describeTask tells of scratch builds alone, as the plugin does.
func describeTask(w *System, f TaskChange) (envelope, xmlrpc.Struct, bool) {
	t := f.Task
	if t.parent != nil || t.method != "build" || len(t.request) < 3 {
		return envelope{}, nil, false
	}
	opts, _ := t.request[2].(xmlrpc.Struct)
	if scratch, _ := opts.Get("scratch"); scratch != true {
		return envelope{}, nil, false
	}
	return envelope{"task.state.change", "task.TaskStateChangeV1", t.owner.name, "", 20}, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "info", Value: taskMessage(w, t)},
		{Name: "method", Value: t.method},
		{Name: "attribute", Value: "state"},
		{Name: "old", Value: taskStateName(f.Old)},
		{Name: "new", Value: taskStateName(t.state)},
		{Name: "id", Value: t.id},
		{Name: "owner", Value: t.owner.name},
		{Name: "files_base_url", Value: baseURL + "/kojifiles/work"},
		{Name: "srpm", Value: baseName(t.request[0])},
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
func taskMessage(w *System, t *task) xmlrpc.Struct {
	children := []any{}
	for _, c := range t.children {
		children = append(children, taskMessage(w, c))
	}
	out := xmlrpc.Struct{
		{Name: "arch", Value: t.arch},
		{Name: "awaited", Value: boolOrNil(t.awaited)},
		{Name: "channel_id", Value: t.channel.id},
		{Name: "completion_time", Value: secondsOrNil(t.completed)},
		{Name: "create_time", Value: secondsOrNil(t.created)},
		{Name: "host_id", Value: hostIDOrNil(t.host)},
		{Name: "id", Value: t.id},
		{Name: "label", Value: stringOrNil(t.label)},
		{Name: "method", Value: t.method},
		{Name: "owner", Value: t.owner.name},
		{Name: "parent", Value: parentOrNil(t)},
		{Name: "priority", Value: t.priority},
		{Name: "start_time", Value: secondsOrNil(t.started)},
		{Name: "state", Value: t.state},
		{Name: "waiting", Value: boolOrNil(t.waiting)},
	}
	if t.parent == nil {
		out = append(out, xmlrpc.Member{Name: "request", Value: wireList(t.request)})
	}
	var hostName any
	if t.host != nil {
		hostName = t.host.name
	}
	return append(out,
		xmlrpc.Member{Name: "host_name", Value: hostName},
		xmlrpc.Member{Name: "url", Value: fmt.Sprintf("%s/koji/taskinfo?taskID=%d", baseURL, t.id)},
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

func describeTagging(f TagChange) (envelope, xmlrpc.Struct, bool) {
	g, by, topic, schema := f.Tagging, f.By, "tag", "tag.TagV1"
	if f.Left {
		topic, schema = "untag", "tag.UntagV1"
	}
	b := g.build
	return envelope{topic, schema, by.name, b.pkg.name, 10}, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "tag", Value: g.tag.name},
		{Name: "name", Value: b.pkg.name},
		{Name: "version", Value: b.evr.Version},
		{Name: "release", Value: b.evr.Release},
		{Name: "user", Value: by.name},
		{Name: "owner", Value: b.owner.name},
		{Name: "tag_id", Value: g.tag.id},
		{Name: "build_id", Value: b.id},
	}, true
}

func describeRepo(f RepoChange) (envelope, xmlrpc.Struct, bool) {
	r, topic, schema := f.Repo, "repo.init", "repo.InitV1"
	if f.Ready {
		topic, schema = "repo.done", "repo.DoneV1"
	}
	return envelope{topic, schema, "", "", 10}, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "tag", Value: r.tag.name},
		{Name: "tag_id", Value: r.tag.id},
		{Name: "repo_id", Value: r.id},
	}, true
}

func describeBuild(w *System, f BuildChange) (envelope, xmlrpc.Struct, bool) {
	b := f.Build
	var before, info, request any
	if f.Old >= 0 {
		before = f.Old
	}
	if t := w.taskByID(b.taskID); t != nil {
		info, request = taskMessage(w, t), wireList(t.request)
	}
	return envelope{"build.state.change", "build.BuildStateChangeV1", b.owner.name, b.pkg.name, 20}, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "build_id", Value: b.id},
		{Name: "name", Value: b.pkg.name},
		{Name: "version", Value: b.evr.Version},
		{Name: "release", Value: b.evr.Release},
		{Name: "epoch", Value: epochOrNil(b.evr.Epoch)},
		{Name: "attribute", Value: "state"},
		{Name: "old", Value: before},
		{Name: "new", Value: f.New},
		{Name: "owner", Value: b.owner.name},
		{Name: "task_id", Value: idOrNil(b.taskID)},
		{Name: "task", Value: info},
		{Name: "request", Value: request},
		{Name: "files_base_url", Value: baseURL + "/kojifiles/work"},
		{Name: "creation_time", Value: isoOrNil(b.created)},
		{Name: "completion_time", Value: isoOrNil(b.finished)},
		{Name: "url", Value: fmt.Sprintf("%s/koji/buildinfo?buildID=%d", baseURL, b.id)},
	}, true
}

func describeListing(f ListChange) (envelope, xmlrpc.Struct, bool) {
	l := f.Entry
	return envelope{"package.list.change", "package.ListChangeV1", l.owner.name, l.pkg.name, 10}, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "tag", Value: f.Tag.name},
		{Name: "package", Value: l.pkg.name},
		{Name: "action", Value: f.Action},
		{Name: "owner", Value: l.owner.name},
		{Name: "block", Value: l.blocked},
		{Name: "extra_arches", Value: stringOrNil(l.extraArches)},
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
