package kojihub

import (
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
	"github.com/koschei-ci/koschei/internal/kojisim/kojifiles"
)

func taskMethods(m map[string]*method) {
	m["build"] = methodOf("RootExports.build(src, target, opts=None, priority=None, channel=None)", methodBuild)
	m["cancelTask"] = methodOf("RootExports.cancelTask(task_id, recurse=True)", methodCancelTask)
	m["freeTask"] = methodOf("RootExports.freeTask(task_id)", methodFreeTask)
	m["resubmitTask"] = methodOf("RootExports.resubmitTask(taskID)", methodResubmitTask)
	m["setTaskPriority"] = methodOf("RootExports.setTaskPriority(task_id, priority, recurse=True)", methodSetTaskPriority)
	m["getTaskInfo"] = methodOf("RootExports.getTaskInfo(task_id, request=False, strict=False)", methodGetTaskInfo)
	m["getTaskRequest"] = methodOf("RootExports.getTaskRequest(taskId)", methodGetTaskRequest)
	m["getTaskResult"] = methodOf("RootExports.getTaskResult(taskId, raise_fault=True)", methodGetTaskResult)
	m["getTaskChildren"] = methodOf("RootExports.getTaskChildren(task_id, request=False, strict=False)", methodGetTaskChildren)
	m["getTaskDescendents"] = methodOf("RootExports.getTaskDescendents(task_id, request=False)", methodGetTaskDescendents)
	m["listTasks"] = methodOf("RootExports.listTasks(opts=None, queryOpts=None)", methodListTasks)
	m["listTaskOutput"] = methodOf("list_task_output(taskID, stat=False, all_volumes=False, strict=False)", methodListTaskOutput)
	m["downloadTaskOutput"] = methodOf("RootExports.downloadTaskOutput(taskID, fileName, offset=0, size=-1, volume=None)", methodDownloadTaskOutput)
}

func methodBuild(c *call) (any, error) {
	u := c.user()
	if u == nil {
		return nil, notLoggedIn()
	}
	src, ok := c.arg("src").(string)
	if !ok {
		return nil, fault.New(fault.CodeParameter, "Invalid type for value '%s': <class '%s'>, expected type <class 'str'>", pythonPlain(c.arg("src")), pythonType(c.arg("src")))
	}
	priority := c.integer("priority")
	if priority < 0 && !u.Has("admin") {
		return nil, fault.NotAllowed("only admins may create high-priority tasks")
	}
	var channel *kojisim.Channel
	if name, _ := c.arg("channel").(string); name != "" {
		if channel = c.w.ChannelByName(name); channel == nil {
			return nil, fault.Generic("No such channel: %s", name)
		}
	}
	opts, _ := c.arg("opts").(xmlrpc.Struct)
	target, _ := c.arg("target").(string)
	t := c.w.SubmitBuild(u, src, target, optionsOf(opts), []any{src, c.arg("target"), opts}, priority)
	if channel != nil {
		t.Channel = channel
	}
	return t.ID, nil
}

// pythonPlain writes a value as Python's str does.
func pythonPlain(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return pythonText(v)
}

// taskStruct is a task as getTaskInfo shows it.
func taskStruct(t *kojisim.Task, request bool) xmlrpc.Struct {
	out := xmlrpc.Struct{
		{Name: "arch", Value: t.Arch},
		{Name: "awaited", Value: boolOrNil(t.Awaited)},
		{Name: "channel_id", Value: t.Channel.ID},
		{Name: "completion_time", Value: timeOrNil(t.Completed)},
		{Name: "completion_ts", Value: stampOrNil(t.Completed)},
		{Name: "create_time", Value: timeOrNil(t.Created)},
		{Name: "create_ts", Value: stamp(t.Created)},
		{Name: "host_id", Value: hostIDOrNil(t.Host)},
		{Name: "id", Value: t.ID},
		{Name: "label", Value: stringOrNil(t.Label)},
		{Name: "method", Value: t.Method},
		{Name: "owner", Value: t.Owner.ID},
		{Name: "parent", Value: parentOrNil(t)},
		{Name: "priority", Value: t.Priority},
		{Name: "start_time", Value: timeOrNil(t.Started)},
		{Name: "start_ts", Value: stampOrNil(t.Started)},
		{Name: "state", Value: t.State},
		{Name: "waiting", Value: boolOrNil(t.Waiting)},
		{Name: "weight", Value: t.Weight},
	}
	if request {
		out = append(out, xmlrpc.Member{Name: "request", Value: wireList(t.Request)})
	}
	return out
}

func methodGetTaskInfo(c *call) (any, error) {
	if ids, ok := c.arg("task_id").([]any); ok {
		out := make([]any, len(ids))
		for i, id := range ids {
			n := kojisim.Whole(id)
			if t := c.w.TaskByID(n); t != nil {
				out[i] = taskStruct(t, c.flag("request"))
			}
		}
		return out, nil
	}
	t := c.w.TaskByID(c.integer("task_id"))
	if t == nil {
		if c.flag("strict") {
			return nil, fault.Generic("query returned no rows")
		}
		return nil, nil
	}
	return taskStruct(t, c.flag("request")), nil
}

func methodGetTaskRequest(c *call) (any, error) {
	t := c.w.TaskByID(c.integer("taskId"))
	if t == nil {
		return nil, fault.Generic("No such task: %d", c.integer("taskId"))
	}
	return wireList(t.Request), nil
}

func methodGetTaskResult(c *call) (any, error) {
	t := c.w.TaskByID(c.integer("taskId"))
	switch {
	case t == nil:
		return nil, fault.Generic("No such task")
	case t.State == kojisim.TaskCanceled:
		return nil, fault.Generic("Task %d is canceled", t.ID)
	case t.State == kojisim.TaskClosed:
		return wireResult(c.w, t), nil
	case t.State != kojisim.TaskFailed:
		return nil, fault.Generic("Task %d is not finished", t.ID)
	case c.unless("raise_fault"):
		return nil, t.Fault
	}
	return wireFault(t.Fault).Struct(), nil
}

// shuffled returns a task's children in no order that means anything: rows of
// PostgreSQL move when they change.
func (c *call) shuffled(t *kojisim.Task) []*kojisim.Task {
	out := slices.Clone(t.Children)
	d := draw.From(c.w.Seed, "rows", strconv.Itoa(t.ID), strconv.Itoa(c.w.Changes))
	for i := len(out) - 1; i > 0; i-- {
		j := d.Below(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

func methodGetTaskChildren(c *call) (any, error) {
	t := c.w.TaskByID(c.integer("task_id"))
	out := []any{}
	if t == nil {
		return out, nil
	}
	for _, k := range c.shuffled(t) {
		out = append(out, childStruct(taskStruct(k, c.flag("request"))))
	}
	return out, nil
}

// childStruct has the members of getTaskChildren in their order: the request
// stands among the others there.
func childStruct(s xmlrpc.Struct) xmlrpc.Struct {
	sortMembers(s)
	return s
}

func sortMembers(s xmlrpc.Struct) {
	slices.SortFunc(s, func(a, b xmlrpc.Member) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
}

func methodGetTaskDescendents(c *call) (any, error) {
	id := c.integer("task_id")
	out := xmlrpc.Struct{}
	var visit func(id int)
	visit = func(id int) {
		children := []any{}
		t := c.w.TaskByID(id)
		if t != nil {
			for _, k := range c.shuffled(t) {
				children = append(children, childStruct(taskStruct(k, c.flag("request"))))
			}
		}
		out = append(out, xmlrpc.Member{Name: strconv.Itoa(id), Value: children})
		if t != nil {
			for _, k := range t.Children {
				visit(k.ID)
			}
		}
	}
	visit(id)
	return out, nil
}

func methodCancelTask(c *call) (any, error) {
	id := c.integer("task_id")
	t := c.w.TaskByID(id)
	u := c.user()
	switch {
	case u == nil:
		return nil, fault.NotAllowed("Cannot cancel task, not owner")
	case t == nil:
		return nil, fault.Generic("No such task: %d", id)
	case t.Owner != u && !u.Has("admin"):
		return nil, fault.NotAllowed("Cannot cancel task, not owner")
	}
	c.w.CancelTask(t)
	return nil, nil
}

func methodFreeTask(c *call) (any, error) {
	if err := c.require("admin"); err != nil {
		return nil, err
	}
	t := c.w.TaskByID(c.integer("task_id"))
	switch {
	case t == nil:
		return nil, fault.Generic("No such task: %d", c.integer("task_id"))
	case t.Ended():
		return nil, fault.Generic("Cannot free task %d, state is %s", t.ID, kojisim.TaskStateName(t.State))
	case t.State != kojisim.TaskFree:
		c.w.FreeTask(t)
	}
	return nil, nil
}

func methodResubmitTask(c *call) (any, error) {
	u := c.user()
	if u == nil {
		return nil, notLoggedIn()
	}
	t := c.w.TaskByID(c.integer("taskID"))
	switch {
	case t == nil || t.Method != "build":
		return nil, fault.Generic("No such task: %d", c.integer("taskID"))
	case t.Owner != u && !u.Has("admin"):
		return nil, fault.NotAllowed("Cannot resubmit task, not owner")
	case t.State != kojisim.TaskFailed && t.State != kojisim.TaskCanceled:
		return nil, fault.Generic("Task not canceled or failed: %d", t.ID)
	}
	src, _ := t.Request[0].(string)
	target, _ := t.Request[1].(string)
	return c.w.SubmitBuild(t.Owner, src, target, t.Options, t.Request, t.Priority-20).ID, nil
}

func methodSetTaskPriority(c *call) (any, error) {
	if err := c.require("admin"); err != nil {
		return nil, err
	}
	t := c.w.TaskByID(c.integer("task_id"))
	if t == nil {
		return nil, fault.Generic("No such task: %d", c.integer("task_id"))
	}
	c.w.SetPriority(t, c.integer("priority"))
	return nil, nil
}

// taskQuery is what listTasks selects by.
type taskQuery struct {
	opts xmlrpc.Struct
}

func (q taskQuery) get(name string) any {
	v, _ := q.opts.Get(name)
	return v
}

// allows reports whether an option (absent, a value or a list) allows n.
func (q taskQuery) allows(name string, n int) bool {
	switch v := q.get(name).(type) {
	case nil:
		return true
	case []any:
		return slices.Contains(v, any(int64(n)))
	default:
		got := kojisim.Whole(v)
		return got == n
	}
}

func (q taskQuery) matches(t *kojisim.Task) bool {
	if m, _ := q.get("method").(string); m != "" && m != t.Method {
		return false
	}
	if name, ok := q.get("owner").(string); ok && t.Owner.Name != name {
		return false
	} else if !ok && !q.allows("owner", t.Owner.ID) {
		return false
	}
	parent := 0
	if t.Parent != nil {
		parent = t.Parent.ID
	}
	created := stamp(t.Created)
	return q.allows("state", t.State) && q.allows("parent", parent) && q.allows("channel_id", t.Channel.ID) &&
		q.within("created", created) && (t.Completed.IsZero() || q.within("completed", stamp(t.Completed)))
}

// within checks the options <what>After and <what>Before.
func (q taskQuery) within(what string, ts float64) bool {
	if v := q.get(what + "After"); v != nil && ts <= asStamp(v) {
		return false
	}
	if v := q.get(what + "Before"); v != nil && ts >= asStamp(v) {
		return false
	}
	return true
}

func methodListTasks(c *call) (any, error) {
	opts, _ := c.arg("opts").(xmlrpc.Struct)
	q := taskQuery{opts}
	rows := []xmlrpc.Struct{}
	for _, t := range c.w.Tasks {
		if q.matches(t) {
			rows = append(rows, taskRow(c.w, t, truthy(q.get("decode"))))
		}
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

// taskRow is a task as listTasks shows it.
func taskRow(w *kojisim.System, t *kojisim.Task, decode bool) xmlrpc.Struct {
	out := taskStruct(t, true)
	var result any
	switch {
	case !t.Ended() || t.State == kojisim.TaskCanceled:
	case !decode:
		result = resultText(w, t)
	case t.State == kojisim.TaskFailed:
		result = wireFault(t.Fault).Struct()
	default:
		result = []any{wireResult(w, t)}
	}
	if !decode {
		out[len(out)-1].Value = requestText(t)
	}
	out = append(out,
		xmlrpc.Member{Name: "owner_name", Value: t.Owner.Name},
		xmlrpc.Member{Name: "owner_type", Value: t.Owner.Kind},
		xmlrpc.Member{Name: "result", Value: result})
	sortMembers(out)
	return out
}

func requestText(t *kojisim.Task) string {
	b, err := xmlrpc.AppendCall(nil, xmlrpc.Call{Method: t.Method, Params: wireList(t.Request)})
	if err != nil {
		panic("kojisim: a request that came over the wire: " + err.Error())
	}
	return string(b)
}

func resultText(w *kojisim.System, t *kojisim.Task) string {
	var b []byte
	var err error
	if t.Fault != nil {
		b, err = xmlrpc.AppendFault(nil, wireFault(t.Fault))
	} else {
		b, err = xmlrpc.AppendResponse(nil, wireResult(w, t))
	}
	if err != nil {
		panic("kojisim: a result of our own: " + err.Error())
	}
	return string(b)
}

func methodListTaskOutput(c *call) (any, error) {
	t := c.w.TaskByID(c.integer("taskID"))
	var names []string
	if t != nil {
		names = kojifiles.OutputNames(t)
	}
	volumes := c.flag("all_volumes")
	if !c.flag("stat") {
		if !volumes {
			return texts(names), nil
		}
		out := xmlrpc.Struct{}
		for _, n := range names {
			out = append(out, xmlrpc.Member{Name: n, Value: []any{"DEFAULT"}})
		}
		return out, nil
	}
	out := xmlrpc.Struct{}
	for _, n := range names {
		content, _ := kojifiles.OutputFile(c.w, t, n)
		at := stamp(kojifiles.LogTime(t, 1))
		var v any = xmlrpc.Struct{
			{Name: "st_atime", Value: at},
			{Name: "st_ctime", Value: at},
			{Name: "st_mtime", Value: at},
			{Name: "st_size", Value: strconv.Itoa(len(content))},
		}
		if volumes {
			v = xmlrpc.Struct{{Name: "DEFAULT", Value: v}}
		}
		out = append(out, xmlrpc.Member{Name: n, Value: v})
	}
	return out, nil
}

func methodDownloadTaskOutput(c *call) (any, error) {
	name, _ := c.arg("fileName").(string)
	id := c.integer("taskID")
	t := c.w.TaskByID(id)
	var content []byte
	found := false
	if t != nil {
		content, found = kojifiles.OutputFile(c.w, t, name)
	}
	if !found {
		return nil, fault.Generic("no file \"%s\" output by task %d", name, id)
	}
	offset, size := c.integer("offset"), -1
	if c.given("size") {
		size = c.integer("size")
	}
	if offset < 0 {
		if offset += len(content); offset < 0 {
			return nil, fault.Exception("kojihub", "downloadTaskOutput", "OSError: [Errno 22] Invalid argument")
		}
	}
	content = content[min(offset, len(content)):]
	if size >= 0 {
		content = content[:min(size, len(content))]
	}
	return base64.StdEncoding.EncodeToString(content), nil
}
