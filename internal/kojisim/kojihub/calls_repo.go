package kojihub

import (
	"cmp"
	"slices"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
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

func eventStamp(w *kojisim.System, id int) any {
	if id == 0 {
		return nil
	}
	return stamp(w.EventTime(id))
}

// oldRepo is what hubs before 1.35 tell of a repo. Its time of making is that of
// its event there.
func oldRepo(w *kojisim.System, r *kojisim.Repo, get bool) xmlrpc.Struct {
	var taskID any
	if k := w.TaskByID(r.TaskID); k != nil && !r.Dist {
		taskID = k.ID
	}
	out := xmlrpc.Struct{
		{Name: "create_event", Value: r.Event},
		{Name: "create_ts", Value: stamp(w.EventTime(r.Event))},
		{Name: "creation_time", Value: timeOrNil(w.EventTime(r.Event))},
		{Name: "dist", Value: r.Dist},
		{Name: "id", Value: r.ID},
		{Name: "state", Value: r.State},
		{Name: "task_id", Value: taskID},
	}
	if !get {
		out = append(out, xmlrpc.Member{Name: "tag_id", Value: r.Tag.ID}, xmlrpc.Member{Name: "tag_name", Value: r.Tag.Name})
	}
	return out
}

func repoStruct(w *kojisim.System, r *kojisim.Repo) xmlrpc.Struct {
	if w.Policy.Before(35) {
		return oldRepo(w, r, false)
	}
	var taskID, taskState any
	if k := w.TaskByID(r.TaskID); k != nil && !r.Dist {
		taskID, taskState = k.ID, k.State
	}
	var custom, opts any
	if !r.Dist {
		custom, opts = xmlrpc.Struct{}, repoOpts()
	}
	return xmlrpc.Struct{
		{Name: "begin_event", Value: idOrNil(r.Begin)},
		{Name: "begin_ts", Value: eventStamp(w, r.Begin)},
		{Name: "create_event", Value: r.Event},
		{Name: "create_ts", Value: stamp(w.EventTime(r.Event))},
		{Name: "creation_time", Value: timeOrNil(r.Created)},
		{Name: "creation_ts", Value: stamp(r.Created)},
		{Name: "custom_opts", Value: custom},
		{Name: "dist", Value: r.Dist},
		{Name: "end_event", Value: idOrNil(r.End)},
		{Name: "end_ts", Value: eventStamp(w, r.End)},
		{Name: "id", Value: r.ID},
		{Name: "opts", Value: opts},
		{Name: "state", Value: r.State},
		{Name: "state_time", Value: timeOrNil(r.Changed)},
		{Name: "state_ts", Value: stamp(r.Changed)},
		{Name: "tag_id", Value: r.Tag.ID},
		{Name: "tag_name", Value: r.Tag.Name},
		{Name: "task_id", Value: taskID},
		{Name: "task_state", Value: taskState},
	}
}

// repoTag finds the tag of a repo call.
func (c *call) repoTag() (*kojisim.Tag, error) {
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
	if c.w.Policy.Before(35) && c.given("min_event") {
		return nil, fault.New(fault.CodeParameter, "RootExports.getRepo() got an unexpected keyword argument 'min_event'")
	}
	event, state, stateGiven := c.integer("event"), kojisim.RepoReady, c.arg("state") != nil
	if stateGiven {
		state = c.integer("state")
	}
	for i := len(c.w.Repos) - 1; i >= 0; i-- {
		r := c.w.Repos[i]
		if r.Tag != t || r.Dist != c.flag("dist") || r.Event < c.integer("min_event") {
			continue
		}
		if event != 0 && r.Event <= event || event == 0 && r.State == state {
			if c.w.Policy.Before(35) {
				return oldRepo(c.w, r, true), nil
			}
			return repoStruct(c.w, r), nil
		}
	}
	return nil, nil
}

func methodRepoGet(c *call) (any, error) {
	if c.w.Policy.Before(35) {
		return nil, fault.Generic("Invalid method: repo.get")
	}
	t, err := c.repoTag()
	if err != nil {
		return nil, err
	}
	r := c.w.Current(t, c.integer("min_event"), c.integer("at_event"))
	if r == nil {
		return nil, nil
	}
	return repoStruct(c.w, r), nil
}

func methodRepoRequest(c *call) (any, error) {
	w, u := c.w, c.user()
	if w.Policy.Before(35) {
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
		minEvent = t.ChangedAt(w.LastEvent())
	}
	if minEvent > w.LastEvent() || atEvent > w.LastEvent() {
		return nil, fault.New(fault.CodeParameter, "Invalid event: %d", max(minEvent, atEvent))
	}
	answer := func(r *kojisim.Repo, q *kojisim.RepoRequest, duplicate bool) xmlrpc.Struct {
		var repo, request any
		if r != nil {
			repo = repoStruct(w, r)
		}
		if q != nil {
			request = requestStruct(q)
		}
		return xmlrpc.Struct{{Name: "repo", Value: repo}, {Name: "request", Value: request}, {Name: "duplicate", Value: duplicate}}
	}
	if r := w.Current(t, minEvent, atEvent); r != nil && !c.flag("force") {
		return answer(r, nil, false), nil
	}
	for _, q := range w.Requests {
		if q.Active && q.Tag == t && q.AtEvent == atEvent && q.MinEvent >= minEvent {
			return answer(nil, q, true), nil
		}
	}
	return answer(nil, w.RequestRepo(t, u, minEvent, atEvent), false), nil
}

func requestStruct(q *kojisim.RepoRequest) xmlrpc.Struct {
	var repoID, taskID, taskState any
	if q.Repo != nil {
		repoID = q.Repo.ID
	}
	if q.Task != nil {
		taskID, taskState = q.Task.ID, q.Task.State
	}
	return xmlrpc.Struct{
		{Name: "active", Value: q.Active},
		{Name: "at_event", Value: idOrNil(q.AtEvent)},
		{Name: "create_time", Value: timeOrNil(q.Created)},
		{Name: "create_ts", Value: stamp(q.Created)},
		{Name: "id", Value: q.ID},
		{Name: "min_event", Value: idOrNil(q.MinEvent)},
		{Name: "opts", Value: xmlrpc.Struct{}},
		{Name: "owner", Value: q.Owner.ID},
		{Name: "owner_name", Value: q.Owner.Name},
		{Name: "priority", Value: q.Priority},
		{Name: "repo_id", Value: repoID},
		{Name: "tag_id", Value: q.Tag.ID},
		{Name: "tag_name", Value: q.Tag.Name},
		{Name: "task_id", Value: taskID},
		{Name: "task_state", Value: taskState},
		{Name: "tries", Value: q.Tries},
		{Name: "update_time", Value: timeOrNil(q.Updated)},
		{Name: "update_ts", Value: stamp(q.Updated)},
	}
}

func methodRepoCheckRequest(c *call) (any, error) {
	id := c.integer("req_id")
	if id < 1 || id > len(c.w.Requests) {
		return nil, fault.Generic("No such request: %d", id)
	}
	q := c.w.Requests[id-1]
	var repo any
	if q.Repo != nil {
		repo = repoStruct(c.w, q.Repo)
	}
	return xmlrpc.Struct{{Name: "repo", Value: repo}, {Name: "request", Value: requestStruct(q)}}, nil
}

func methodRepoInfo(c *call) (any, error) {
	r := c.w.RepoByID(c.integer("repo_id"))
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
	for _, r := range c.w.Repos {
		if r.State == kojisim.RepoDeleted || r.State == kojisim.RepoProblem {
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
	if u == nil || !u.Has("repo") {
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
	return c.w.NewRepoTask(t, u, request, event).ID, nil
}

// repoFor finds the repo of a call that needs the permission repo.
func (c *call) repoFor() (*kojisim.Repo, error) {
	if err := c.require("repo"); err != nil {
		return nil, err
	}
	r := c.w.RepoByID(c.integer("repo_id"))
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
	c.w.ExpireRepo(r)
	return nil, nil
}

func methodRepoProblem(c *call) (any, error) {
	r, err := c.repoFor()
	if err != nil {
		return nil, err
	}
	c.w.SetRepo(r, kojisim.RepoProblem)
	return nil, nil
}

// methodRepoDelete answers with the number of builds that use the repo.
func methodRepoDelete(c *call) (any, error) {
	r, err := c.repoFor()
	if err != nil {
		return nil, err
	}
	users := 0
	for _, t := range c.w.Tasks {
		if t.Notes.Repo == r && t.Method == "buildArch" && !t.Ended() {
			users++
		}
	}
	if users == 0 {
		c.w.DeleteRepo(r)
	}
	return users, nil
}

func methodDistRepo(c *call) (any, error) {
	if u := c.user(); u == nil || !u.Has("repo") {
		if err := c.require("dist-repo"); err != nil {
			return nil, err
		}
	}
	t, err := c.repoTag()
	if err != nil {
		return nil, err
	}
	r := c.w.InitDistRepo(t)
	arches, _ := c.args["arch"].([]any)
	return c.w.NewDistRepoTask(r, c.user(), c.arg("keys"), arches, distOpts(c, r)).ID, nil
}

// distOpts are the options of a dist repo as its task hands them on.
func distOpts(c *call, r *kojisim.Repo) kojisim.Options {
	var out kojisim.Options
	for name, v := range c.args {
		switch name {
		case "tag", "keys":
		case "event":
			if v == nil {
				v = r.Event
			}
			fallthrough
		default:
			out = append(out, kojisim.Option{Name: name, Value: v})
		}
	}
	slices.SortFunc(out, func(a, b kojisim.Option) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
