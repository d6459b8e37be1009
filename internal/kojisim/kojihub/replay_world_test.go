package kojihub

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
)

// key is the key to send for a recorded one.
func (r *replay) key(id, recorded string) string {
	if recorded == "" {
		return ""
	}
	return r.sessions[id].key
}

func (r *replay) useSession(q url.Values) {
	if s := r.sessions[q.Get("session-id")]; s != nil {
		if q.Get("session-key") != "" {
			q.Set("session-key", r.key(q.Get("session-id"), q.Get("session-key")))
		}
		q.Set("session-id", strconv.Itoa(s.id))
	}
}

// client is who a recorded login came from.
func (r *replay) client(e *exchange) string {
	if s, ok := e.resp.(xmlrpc.Struct); ok && has(s, "session-key") {
		key, _ := s.Get("session-key")
		id, _, _ := strings.Cut(key.(string), "-")
		if n, _ := strconv.Atoi(id); n <= len(r.w.Users) && n > 0 {
			return r.w.Users[n-1].Name
		}
		return "newcomer@KOJI.TEST"
	}
	if strings.Contains(e.rec.Name, "no-cert") || strings.Contains(e.rec.Name, "over-plain-http") || strings.Contains(e.rec.Name, "no-credentials") {
		return ""
	}
	return "koschei"
}

// prepare brings the world to where the recording was made: sessions that were
// opened without being recorded, and what an administrator did to the hub.
func (r *replay) prepare(e *exchange) {
	r.openSessions(e)
	r.startTasks(e)
	r.startRepos(e)
	r.world.Lock()
	defer r.world.Unlock()
	koschei := r.w.UserByName("koschei")
	koschei.Blocked = false
	f := Faults{}
	if strings.HasPrefix(e.rec.Name, "deleteBuild-untagged") {
		w := r.w
		w.UntagBuild(w.TagByName("f40"), w.BuildByNVR("missingdep-1.0-1.fc40"), koschei)
	}
	switch text := faultText(e); {
	case e.want == "fault 1014" && strings.Contains(text, "maintenance"):
		f.LockOut = true
	case e.want == "fault 1014":
		f.Offline = text
	case e.want == "fault 1007":
		r.sessions[e.session()].expired = true
	case e.want == "fault 1006":
		r.hub.mu.Lock()
		s, err := r.hub.sessions.open(r.w, koschei, authSSL, true)
		r.hub.mu.Unlock()
		if err != nil {
			r.t.Fatal(err)
		}
		r.sessions["exclusive"] = s
	case strings.Contains(text, "are not allowed"):
		koschei.Blocked = true
	}
	r.hub.SetFaults(f)
	r.hub.Negotiate = e.rec.HTTP.Status == 401
	r.w.Policy = kojisim.Policy{
		BuildFromRepoID: !r.strict(e),
		RefuseSRPM:      r.strict(e),
	}
	r.intervene(e)
	r.unscript()
	if source, ok := firstParam(e).(string); ok && e.call.Method == "build" {
		if id, isTask := e.resp.(int64); isTask {
			r.ensureSource(id, source)
		}
	}
}

func firstParam(e *exchange) any {
	if len(e.call.Params) == 0 {
		return nil
	}
	return e.call.Params[0]
}

func faultText(e *exchange) string {
	s, _ := e.rec.Decoded.Response.(map[string]any)
	f, _ := s["!fault"].(map[string]any)
	text, _ := f["faultString"].(string)
	return text
}

func (r *replay) restore() {
	r.hub.SetFaults(Faults{})
	r.hub.mu.Lock()
	if s := r.sessions["exclusive"]; s != nil {
		s.closed = true
	}
	r.hub.mu.Unlock()
}

// openSessions opens the session of a recording if no recording did.
func (r *replay) openSessions(e *exchange) {
	id := e.session()
	keys := e.rec.HTTP.RequestHeader["Koji-Session-Key"]
	if id == "" || r.sessions[id] != nil || e.want == "fault 1002" || e.want == "fault 1" {
		return
	}
	owner, _, _ := strings.Cut(keys, "-")
	n, err := strconv.Atoi(owner)
	if err != nil || n < 1 || n > len(r.w.Users) {
		return
	}
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.world.Lock()
	defer r.world.Unlock()
	s, err := r.hub.sessions.open(r.w, r.w.Users[n-1], authSSL, false)
	if err != nil {
		r.t.Fatal(err)
	}
	r.sessions[id] = s
}

// strict reports whether the hub's policy denied what it denies in a recording.
func (r *replay) strict(e *exchange) bool {
	return slices.ContainsFunc(r.list, func(x *exchange) bool {
		d := e.at.Sub(x.at)
		return strings.Contains(x.rec.Name, "policy-denied") && d > -4*time.Second && d < 4*time.Second
	})
}

// intervene does what somebody did to the world between two recordings.
func (r *replay) intervene(e *exchange) {
	w := r.w
	admin := w.UserByName("kojiadmin")
	if at := e.at.Unix(); at >= 1795463023 && w.BuildByNVR("bar-1.1-1.fc40") == nil {
		old := w.BuildByNVR("bar-1.0-1.fc40")
		c := old.Content
		evr := old.EVR
		evr.Version = "1.1"
		b := w.ImportBuild(old.Package, evr, c, admin)
		w.TagBuild(w.TagByName("f40"), b, admin)
	}
	if strings.HasPrefix(e.rec.Name, "scratch-deleted-repo") && r.tasks[e.call.Params[0].(int64)] == nil {
		id := e.call.Params[0].(int64)
		const source = "../packages/foo/2.0/4.fc40/src/foo-2.0-4.fc40.src.rpm"
		opts := xmlrpc.Struct{{Name: "scratch", Value: true}, {Name: "repo_id", Value: r.repoID(1)}}
		r.tasks[id] = w.SubmitBuild(w.UserByName("koschei"), source, "f40", optionsOf(opts), []any{source, "f40", opts}, 0)
	}
	if strings.Contains(e.rec.Name, "with-end_event") || strings.Contains(e.rec.Name, "outdated") {
		r.outdate()
	}
}

// outdate notes of the repos that they are old.
func (r *replay) outdate() {
	for _, repo := range r.w.Repos {
		if repo.End == 0 && repo.State == kojisim.RepoReady && repo.Tag.ChangedAt(r.w.LastEvent()) > repo.Holds {
			repo.End = r.w.LastEvent()
		}
	}
}

// translate puts the ids that things have here into a call's parameters.
func (r *replay) translate(e *exchange) ([]any, bool) {
	params := slices.Clone(e.call.Params)
	switch e.call.Method {
	case "getTaskInfo", "getTaskChildren", "getTaskDescendents", "getTaskResult", "getTaskRequest", "listTaskOutput", "downloadTaskOutput",
		"cancelTask", "freeTask", "resubmitTask", "setTaskPriority":
		if len(params) > 0 {
			params[0] = r.taskIDs(params[0])
			return params, true
		}
	case "repoInfo", "repoExpire", "repoDelete", "repoProblem":
		if id, ok := params[0].(int64); ok {
			params[0] = r.repoID(id)
			return params, true
		}
	case "build":
		if len(params) > 2 {
			params[2] = r.buildOpts(params[2])
			return params, true
		}
	case "repo.request", "listBuilds":
		return r.translateNamed(params)
	case "multiCall":
		return r.translateCalls(params), true
	}
	return params, false
}

// translateNamed translates named arguments.
func (r *replay) translateNamed(params []any) ([]any, bool) {
	named, _ := params[len(params)-1].(xmlrpc.Struct)
	out := slices.Clone(named)
	for i, m := range out {
		switch n, _ := m.Value.(int64); m.Name {
		case "taskID":
			out[i].Value = r.taskIDs(m.Value)
		case "min_event", "at_event":
			if n != 0 {
				out[i].Value = r.event(n)
			}
		}
	}
	return append(slices.Clone(params[:len(params)-1]), out), named != nil
}

func (r *replay) translateCalls(params []any) []any {
	list, _ := params[0].([]any)
	out := make([]any, len(list))
	for i, c := range list {
		out[i] = c
		s, _ := c.(xmlrpc.Struct)
		name, _ := s.Get("methodName")
		inner, _ := s.Get("params")
		method, _ := name.(string)
		given, isList := inner.([]any)
		if !isList {
			continue
		}
		if changed, ok := r.translate(&exchange{call: xmlrpc.Call{Method: method, Params: given}}); ok {
			out[i] = xmlrpc.Struct{{Name: "methodName", Value: method}, {Name: "params", Value: changed}}
		}
	}
	return []any{out}
}

func (r *replay) buildOpts(v any) any {
	opts, ok := v.(xmlrpc.Struct)
	if !ok {
		return v
	}
	out := slices.Clone(opts)
	for i, m := range out {
		if id, isInt := m.Value.(int64); isInt && m.Name == "repo_id" {
			out[i].Value = r.repoID(id)
		}
	}
	return out
}

func (r *replay) repoID(id int64) int64 {
	if repo := r.repo(id); repo != nil {
		return int64(repo.ID)
	}
	return id
}

// repo is what a recorded repo is here; nil if there is none (yet).
func (r *replay) repo(id int64) *kojisim.Repo {
	taskID, _ := r.repos[id].Get("task_id")
	n, _ := taskID.(int64)
	t := r.task(n)
	if t == nil {
		return nil
	}
	for _, repo := range r.w.Repos {
		if repo.TaskID == t.ID {
			return repo
		}
	}
	return nil
}

// event is what a recorded event is here, if it is that of a repo.
func (r *replay) event(n int64) int64 {
	for id, s := range r.repos {
		if created, _ := s.Get("create_event"); created == n {
			if repo := r.repo(id); repo != nil {
				return int64(repo.Event)
			}
		}
	}
	return n
}

// startRepos makes the repos that the recordings show, but neither their tasks
// nor the submission of those; one whose task is canceled loses it.
func (r *replay) startRepos(e *exchange) {
	for id, s := range r.repos {
		taskID, _ := s.Get("task_id")
		n, _ := taskID.(int64)
		created, _ := s.Get("creation_ts")
		if r.task(n) != nil || r.known[n] != nil || r.submitted(n) || after(created, e) {
			continue
		}
		r.world.Lock()
		name, _ := s.Get("tag_name")
		t := r.w.TagByName(name.(string))
		r.tasks[n] = r.w.NewRepoTask(t, r.w.UserByName("kojira"), []any{t.Name}, 0)
		r.world.Unlock()
		for r.repo(id) == nil {
			r.step(100 * time.Millisecond)
		}
		if state, _ := s.Get("task_state"); state == int64(kojisim.TaskCanceled) {
			r.world.Lock()
			r.w.CancelTask(r.tasks[n])
			r.world.Unlock()
		}
	}
}

// after reports whether a recorded time is later than a recording.
func after(stamp any, e *exchange) bool {
	at := time.UnixMicro(int64(stamp.(float64) * 1e6))
	return at.After(e.at.Add(time.Second))
}

func (r *replay) taskIDs(v any) any {
	switch v := v.(type) {
	case int64:
		if t := r.task(v); t != nil {
			return int64(t.ID)
		}
		return int64(1 << 40) // unknown there, unknown here
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = r.taskIDs(e)
		}
		return out
	}
	return v
}

// task is what a recorded task is here; nil if there is none (yet).
func (r *replay) task(id int64) *kojisim.Task {
	if t := r.tasks[id]; t != nil {
		return t
	}
	k := r.known[id]
	if k == nil {
		if n := r.nearest(id); n != 0 && len(r.tasks[n].Children) >= int(id-n) {
			return r.tasks[n].Children[id-n-1]
		}
		return nil
	}
	parentID, _ := k.Get("parent")
	n, isChild := parentID.(int64)
	if !isChild {
		return nil
	}
	parent := r.task(n)
	if parent == nil {
		return nil
	}
	method, _ := k.Get("method")
	label, _ := k.Get("label")
	text, _ := label.(string)
	i := slices.IndexFunc(parent.Children, func(c *kojisim.Task) bool { return c.Method == method && c.Label == text })
	if i < 0 {
		return nil
	}
	r.tasks[id] = parent.Children[i]
	return r.tasks[id]
}

// startTasks submits the top-level tasks that the recordings show, but whose
// submission they do not hold.
func (r *replay) startTasks(e *exchange) {
	ids := make([]int64, 0, len(r.known))
	for id := range r.known {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		k := r.known[id]
		created, _ := k.Get("create_ts")
		parent, _ := k.Get("parent")
		if r.tasks[id] != nil || parent != nil || after(created, e) || r.submitted(id) {
			continue
		}
		r.startTask(id, k)
	}
}

// awaitTask lets time pass until the task that a call is about exists.
func (r *replay) awaitTask(e *exchange) {
	if answer, ok := e.resp.(xmlrpc.Struct); ok && e.call.Method == "repo.request" {
		if repo, _ := answer.Get("repo"); repo != nil {
			id, _ := repo.(xmlrpc.Struct).Get("id")
			r.awaitRepo(id.(int64))
		}
	}
	if len(e.call.Params) == 0 || e.call.Method != "freeTask" && e.call.Method != "cancelTask" {
		return
	}
	r.startTasks(e)
	id, _ := e.call.Params[0].(int64)
	for range 300 {
		if t := r.task(id); t != nil && (t.State == kojisim.TaskOpen || e.call.Method == "cancelTask") || r.known[id] == nil && r.nearest(id) == 0 {
			return
		}
		r.step(time.Second)
	}
}

// awaitRepo lets time pass until a recorded repo is ready.
func (r *replay) awaitRepo(id int64) {
	for range 300 {
		if repo := r.repo(id); repo != nil && repo.State == kojisim.RepoReady {
			return
		}
		r.step(time.Second)
	}
}

// nearest is the recorded top-level task that a recorded id must be below of,
// judging by the numbers alone; 0 if there is none.
func (r *replay) nearest(id int64) int64 {
	for n := id - 1; n > 0 && n > id-4; n-- {
		if t := r.tasks[n]; t != nil && t.Parent == nil {
			return n
		}
	}
	return 0
}

// submitted reports whether a recording holds the submission of a task.
func (r *replay) submitted(id int64) bool {
	return slices.ContainsFunc(r.list, func(e *exchange) bool { return submits(e.call.Method) && e.resp == id })
}

func submits(method string) bool {
	switch method {
	case "build", "newRepo", "distRepo", "resubmitTask", "tagBuild":
		return true
	}
	return false
}

func (r *replay) startTask(id int64, k xmlrpc.Struct) {
	r.world.Lock()
	defer r.world.Unlock()
	method, _ := k.Get("method")
	given, _ := k.Get("request")
	request, _ := given.([]any)
	ownerID, _ := k.Get("owner")
	owner := r.w.Users[min(int(ownerID.(int64)), len(r.w.Users))-1]
	switch {
	case method == "build" && len(request) == 3:
		source, _ := request[0].(string)
		target, _ := request[1].(string)
		opts, _ := r.buildOpts(request[2]).(xmlrpc.Struct)
		r.ensureSource(id, source)
		r.tasks[id] = r.w.SubmitBuild(owner, source, target, optionsOf(opts), request, 0)
		r.script(id, r.tasks[id])
	case method == "newRepo" && len(request) > 0:
		name, _ := request[0].(string)
		if t := r.w.TagByName(name); t != nil {
			r.tasks[id] = r.w.NewRepoTask(t, owner, request, 0)
		}
	}
}

// learn notes what something recorded is called here.
func (r *replay) learn(e *exchange, v any) {
	recorded, _ := e.resp.(int64)
	if id, ok := v.(int64); ok && submits(e.call.Method) {
		r.tasks[recorded] = r.w.Tasks[id-1]
		r.script(recorded, r.tasks[recorded])
	}
	old, _ := e.resp.(xmlrpc.Struct)
	now, _ := v.(xmlrpc.Struct)
	was, _ := old.Get("session-id")
	is, _ := now.Get("session-id")
	if was != nil && is != nil {
		r.hub.mu.Lock()
		r.sessions[strconv.FormatInt(was.(int64), 10)] = r.hub.sessions.byID[int(is.(int64))]
		r.hub.mu.Unlock()
	}
}
