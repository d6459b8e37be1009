package kojisim

import (
	"cmp"
	"slices"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

func repoMethods(m map[string]*method) {
	m["getRepo"] = methodOf("RootExports.getRepo(tag, state=None, event=None, dist=False, min_event=None)", methodGetRepo)
	m["repo.get"] = methodOf("get_repo(tag, min_event=None, at_event=None, opts=None)", methodRepoGet)
	m["repo.request"] = methodOf("request_repo(tag, min_event=None, at_event=None, opts=None, priority=None, force=False)", methodRepoRequest)
	m["repo.checkRequest"] = methodOf("check_repo_request(req_id)", methodRepoCheckRequest)
	m["repoInfo"] = methodOf("repo_info(repo_id, strict=False)", methodRepoInfo)
	m["getActiveRepos"] = methodOf("get_active_repos()", methodGetActiveRepos)
	m["newRepo"] = methodOf("RootExports.newRepo(tag, event=None, src=None, debuginfo=None, separate_src=None)", methodNewRepo)
	m["repoExpire"] = methodOf("RootExports.repoExpire(repo_id)", methodRepoExpire)
	m["repoProblem"] = methodOf("RootExports.repoProblem(repo_id)", methodRepoProblem)
	m["repoDelete"] = methodOf("RootExports.repoDelete(repo_id)", methodRepoDelete)
	m["distRepo"] = methodOf("RootExports.distRepo(tag, keys, **task_opts)", methodDistRepo)
}

// repoOpts are the options of every repo here.
func repoOpts() xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "src", Value: false},
		{Name: "maven", Value: false},
		{Name: "debuginfo", Value: false},
		{Name: "separate_src", Value: false},
	}
}

func eventStamp(w *System, id int) any {
	if id == 0 {
		return nil
	}
	return stamp(w.eventTime(id))
}

func repoStruct(w *System, r *repo) xmlrpc.Struct {
	var taskID, taskState any
	if k := w.taskByID(r.taskID); k != nil && !r.dist {
		taskID, taskState = k.id, k.state
	}
	var custom, opts any
	if !r.dist {
		custom, opts = xmlrpc.Struct{}, repoOpts()
	}
	return xmlrpc.Struct{
		{Name: "begin_event", Value: idOrNil(r.begin)},
		{Name: "begin_ts", Value: eventStamp(w, r.begin)},
		{Name: "create_event", Value: r.event},
		{Name: "create_ts", Value: stamp(w.eventTime(r.event))},
		{Name: "creation_time", Value: timeOrNil(r.created)},
		{Name: "creation_ts", Value: stamp(r.created)},
		{Name: "custom_opts", Value: custom},
		{Name: "dist", Value: r.dist},
		{Name: "end_event", Value: idOrNil(r.end)},
		{Name: "end_ts", Value: eventStamp(w, r.end)},
		{Name: "id", Value: r.id},
		{Name: "opts", Value: opts},
		{Name: "state", Value: r.state},
		{Name: "state_time", Value: timeOrNil(r.changed)},
		{Name: "state_ts", Value: stamp(r.changed)},
		{Name: "tag_id", Value: r.tag.id},
		{Name: "tag_name", Value: r.tag.name},
		{Name: "task_id", Value: taskID},
		{Name: "task_state", Value: taskState},
	}
}

// repoTag finds the tag of a repo call.
func (c *call) repoTag() (*tag, error) {
	t, err := c.tagOf(c.arg("tag"))
	if t == nil && err == nil {
		err = fault.Generic("No such entry in table tag: %v", c.arg("tag"))
	}
	return t, err
}

func methodGetRepo(c *call) (any, error) {
	t, err := c.repoTag()
	if err != nil {
		return nil, err
	}
	event, state, stateGiven := c.integer("event"), repoReady, c.arg("state") != nil
	if stateGiven {
		state = c.integer("state")
	}
	for i := len(c.w.repos) - 1; i >= 0; i-- {
		r := c.w.repos[i]
		if r.tag != t || r.dist != c.flag("dist") || r.event < c.integer("min_event") {
			continue
		}
		if event != 0 && r.event <= event || event == 0 && r.state == state {
			return repoStruct(c.w, r), nil
		}
	}
	return nil, nil
}

func methodRepoGet(c *call) (any, error) {
	t, err := c.repoTag()
	if err != nil {
		return nil, err
	}
	r := c.w.current(t, c.integer("min_event"), c.integer("at_event"))
	if r == nil {
		return nil, nil
	}
	return repoStruct(c.w, r), nil
}

func methodRepoRequest(c *call) (any, error) {
	w, u := c.w, c.user()
	if w.policy.NoRepoRequests {
		return nil, fault.Generic("Invalid method: repo.request")
	}
	if u == nil {
		return nil, notLoggedIn()
	}
	t, err := c.repoTag()
	if err != nil {
		return nil, err
	}
	minEvent, atEvent := c.integer("min_event"), c.integer("at_event")
	if c.arg("min_event") != nil && atEvent != 0 {
		return nil, fault.New(fault.CodeParameter, "The min_event and at_event options conflict")
	}
	if c.arg("min_event") == "last" || c.arg("min_event") == nil && atEvent == 0 {
		minEvent = t.changedAt(w.lastEvent())
	}
	if minEvent > w.lastEvent() || atEvent > w.lastEvent() {
		return nil, fault.New(fault.CodeParameter, "Invalid event: %d", max(minEvent, atEvent))
	}
	answer := func(r *repo, q *repoRequest, duplicate bool) xmlrpc.Struct {
		var repo, request any
		if r != nil {
			repo = repoStruct(w, r)
		}
		if q != nil {
			request = requestStruct(w, q)
		}
		return xmlrpc.Struct{{Name: "repo", Value: repo}, {Name: "request", Value: request}, {Name: "duplicate", Value: duplicate}}
	}
	if r := w.current(t, minEvent, atEvent); r != nil && !c.flag("force") {
		return answer(r, nil, false), nil
	}
	for _, q := range w.requests {
		if q.active && q.tag == t && q.atEvent == atEvent && q.minEvent >= minEvent {
			return answer(nil, q, true), nil
		}
	}
	return answer(nil, w.requestRepo(t, u, minEvent, atEvent), false), nil
}

func requestStruct(w *System, q *repoRequest) xmlrpc.Struct {
	var repoID, taskID, taskState any
	if q.repo != nil {
		repoID = q.repo.id
	}
	if q.task != nil {
		taskID, taskState = q.task.id, q.task.state
	}
	return xmlrpc.Struct{
		{Name: "active", Value: q.active},
		{Name: "at_event", Value: idOrNil(q.atEvent)},
		{Name: "create_time", Value: timeOrNil(q.created)},
		{Name: "create_ts", Value: stamp(q.created)},
		{Name: "id", Value: q.id},
		{Name: "min_event", Value: idOrNil(q.minEvent)},
		{Name: "opts", Value: xmlrpc.Struct{}},
		{Name: "owner", Value: q.owner.id},
		{Name: "owner_name", Value: q.owner.name},
		{Name: "priority", Value: q.priority},
		{Name: "repo_id", Value: repoID},
		{Name: "tag_id", Value: q.tag.id},
		{Name: "tag_name", Value: q.tag.name},
		{Name: "task_id", Value: taskID},
		{Name: "task_state", Value: taskState},
		{Name: "tries", Value: q.tries},
		{Name: "update_time", Value: timeOrNil(q.updated)},
		{Name: "update_ts", Value: stamp(q.updated)},
	}
}

func methodRepoCheckRequest(c *call) (any, error) {
	id := c.integer("req_id")
	if id < 1 || id > len(c.w.requests) {
		return nil, fault.Generic("No such request: %d", id)
	}
	q := c.w.requests[id-1]
	var repo any
	if q.repo != nil {
		repo = repoStruct(c.w, q.repo)
	}
	return xmlrpc.Struct{{Name: "repo", Value: repo}, {Name: "request", Value: requestStruct(c.w, q)}}, nil
}

func methodRepoInfo(c *call) (any, error) {
	r := c.w.repoByID(c.integer("repo_id"))
	if r == nil {
		if c.flag("strict") {
			return nil, fault.Generic("query returned no rows")
		}
		return nil, nil
	}
	return repoStruct(c.w, r), nil
}

func methodGetActiveRepos(c *call) (any, error) {
	out := []any{}
	for _, r := range c.w.repos {
		if r.state == repoDeleted || r.state == repoProblem {
			continue
		}
		var row xmlrpc.Struct
		for _, m := range repoStruct(c.w, r) {
			switch m.Name {
			case "begin_event", "begin_ts", "creation_time", "custom_opts", "end_ts", "state_time", "task_state":
			default:
				row = append(row, m)
			}
		}
		out = append(out, row)
	}
	return out, nil
}

func methodNewRepo(c *call) (any, error) {
	u := c.user()
	if u == nil || !u.has("repo") {
		if err := c.require("regen-repo"); err != nil {
			return nil, err
		}
	}
	t, err := c.repoTag()
	if err != nil {
		return nil, err
	}
	request := []any{c.arg("tag")}
	event := c.integer("event")
	if event != 0 {
		request = append(request, xmlrpc.Named(xmlrpc.Struct{{Name: "event", Value: event}}))
	}
	return c.w.newRepoTask(t, u, request, event).id, nil
}

// repoFor finds the repo of a call that needs the permission repo.
func (c *call) repoFor() (*repo, error) {
	if err := c.require("repo"); err != nil {
		return nil, err
	}
	r := c.w.repoByID(c.integer("repo_id"))
	if r == nil {
		return nil, fault.Generic("query returned no rows")
	}
	return r, nil
}

func methodRepoExpire(c *call) (any, error) {
	r, err := c.repoFor()
	if err != nil {
		return nil, err
	}
	c.w.expireRepo(r)
	return nil, nil
}

func methodRepoProblem(c *call) (any, error) {
	r, err := c.repoFor()
	if err != nil {
		return nil, err
	}
	c.w.setRepo(r, repoProblem)
	return nil, nil
}

// methodRepoDelete answers with the number of builds that use the repo.
func methodRepoDelete(c *call) (any, error) {
	r, err := c.repoFor()
	if err != nil {
		return nil, err
	}
	users := 0
	for _, t := range c.w.tasks {
		if t.notes.repo == r && t.method == "buildArch" && !t.ended() {
			users++
		}
	}
	if users == 0 {
		c.w.deleteRepo(r)
	}
	return users, nil
}

func methodDistRepo(c *call) (any, error) {
	if u := c.user(); u == nil || !u.has("repo") {
		if err := c.require("dist-repo"); err != nil {
			return nil, err
		}
	}
	t, err := c.repoTag()
	if err != nil {
		return nil, err
	}
	r := c.w.initDistRepo(t)
	arches, _ := c.args["arch"].([]any)
	return c.w.newDistRepoTask(r, c.user(), c.arg("keys"), arches, distOpts(c, r)).id, nil
}

// distOpts are the options of a dist repo as its task hands them on.
func distOpts(c *call, r *repo) Options {
	var out Options
	for name, v := range c.args {
		switch name {
		case "tag", "keys":
		case "event":
			if v == nil {
				v = r.event
			}
			fallthrough
		default:
			out = append(out, Option{name, v})
		}
	}
	slices.SortFunc(out, func(a, b Option) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
