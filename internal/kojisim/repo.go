package kojisim

import (
	"time"
)

// States of a repo.
const (
	repoInit    = 0
	RepoReady   = 1
	repoExpired = 2
	RepoDeleted = 3
	RepoProblem = 4
)

// repoStateName is Koji's word for a state of a repo.
func repoStateName(state int) string {
	return [...]string{"INIT", "READY", "EXPIRED", "DELETED", "PROBLEM"}[state]
}

// A Repo is what a build tag held at one event.
type Repo struct {
	ID      int
	Tag     *Tag
	State   int
	Changed time.Time // of state
	Created time.Time
	ready   time.Time // when builds could first use it
	Event   int       // create_event
	Holds   int       // event whose content it has; the same but for repos of the past
	Begin   int       // event since which the tag was like this
	End     int       // event at which it changed, 0 if not known
	Dist    bool
	TaskID  int // 0: no task makes it
}

// A RepoRequest is a wish for a repo that is new enough.
type RepoRequest struct {
	ID       int
	Tag      *Tag
	Owner    *User
	Priority int
	MinEvent int // 0: none
	AtEvent  int // 0: none
	Created  time.Time
	Updated  time.Time
	Active   bool
	Tries    int
	Task     *Task
	Repo     *Repo
}

// taskID is the number of the task that serves the request, 0 if none does.
func (q *RepoRequest) taskID() int {
	if q.Task == nil {
		return 0
	}
	return q.Task.ID
}

// NewRepoTask starts the making of a repo of tag.
func (w *System) NewRepoTask(t *Tag, owner *User, request []any, atEvent int) *Task {
	job := w.Submit("newRepo", owner, 0, request, func(k *Task) { w.makeRepo(k, t, atEvent) })
	if c := w.ChannelByName("createrepo"); c != nil {
		job.Channel = c
	}
	return job
}

// InitRepo makes the repo of a task; it is not ready yet.
func (w *System) InitRepo(t *Tag, k *Task, atEvent int) *Repo {
	r := &Repo{ID: len(w.Repos) + 1, Tag: t, Created: w.Now, Changed: w.Now}
	if k != nil {
		r.TaskID = k.ID
	}
	r.Event = atEvent
	if atEvent == 0 {
		r.Event = w.NewEvent()
	}
	r.Holds = r.Event
	r.Begin = t.ChangedAt(r.Event)
	w.borrowed[r] = w.borrow(t)
	w.Repos = append(w.Repos, r)
	w.Changed()
	w.Tell(RepoChange{Repo: r})
	return r
}

// makeRepo is the work of a newRepo task.
func (w *System) makeRepo(k *Task, t *Tag, atEvent int) {
	if k.Notes.Repo == nil {
		k.Notes.Repo = w.InitRepo(t, k, atEvent)
		for _, arch := range t.OwnArches() {
			c := w.subtask(k, "createrepo", arch, "noarch", 1.5, []any{k.Notes.Repo.ID, arch, nil}, w.createrepo)
			c.Notes.Repo = k.Notes.Repo
		}
		if len(k.Children) > 0 {
			return
		}
	}
	if c := k.failedChild(); c != nil {
		w.failTask(k, childFault(c))
		return
	}
	if k.childrenClosed("createrepo") {
		w.ReadyRepo(k.Notes.Repo)
		w.CloseTask(k, []any{k.Notes.Repo.ID, k.Notes.Repo.Event})
	}
}

// createrepo is the work of a createrepo task.
func (w *System) createrepo(t *Task) {
	w.Then(t, w.scaled(t.Luck.Between(2*time.Minute, 9*time.Minute)), func() {
		w.CloseTask(t, []any{t.Dir(), []any{"repomd.xml"}})
	})
}

// ReadyRepo makes a repo usable and lets the oldest go.
func (w *System) ReadyRepo(r *Repo) {
	w.SetRepo(r, RepoReady)
	r.ready = w.Now
	w.Tell(RepoChange{Repo: r, Ready: true})
	for _, q := range w.Requests {
		if q.Active && q.taskID() == r.TaskID {
			q.Active, q.Repo, q.Updated = false, r, w.Now
		}
	}
	if w.Rules.RepoKeep == 0 {
		return
	}
	ready := 0
	for i := len(w.Repos) - 1; i >= 0; i-- {
		old := w.Repos[i]
		if old.Tag != r.Tag || old.State != RepoReady || old.Dist {
			continue
		}
		if ready++; ready > w.Rules.RepoKeep {
			w.ExpireRepo(old)
		}
	}
}

// SetRepo changes a repo's state.
func (w *System) SetRepo(r *Repo, state int) {
	r.State, r.Changed = state, w.Now
	w.Changed()
}

// ExpireRepo ends the use of a repo for new builds; some time later it is deleted.
func (w *System) ExpireRepo(r *Repo) {
	w.SetRepo(r, repoExpired)
	if d := w.Rules.RepoDeleteAfter; d > 0 {
		w.After(d, func() { w.DeleteRepo(r) })
	}
}

// DeleteRepo deletes a repo's files.
func (w *System) DeleteRepo(r *Repo) {
	w.SetRepo(r, RepoDeleted)
}

// RepoByID finds a repo; nil if there is none.
func (w *System) RepoByID(id int) *Repo {
	if id < 1 || id > len(w.Repos) {
		return nil
	}
	return w.Repos[id-1]
}

// NewestRepo is the tag's youngest repo that is ready, nil without one.
func (w *System) NewestRepo(t *Tag) *Repo {
	for i := len(w.Repos) - 1; i >= 0; i-- {
		if r := w.Repos[i]; r.Tag == t && r.State == RepoReady && !r.Dist {
			return r
		}
	}
	return nil
}

// Usable reports whether builds may use the repo.
func (r *Repo) Usable() bool { return r.State == RepoReady || r.State == repoExpired }

// kojiraEvery is how often kojira looks at the repos.
const kojiraEvery = 15 * time.Minute

// StartKojira lets kojira look after the repos from now on.
func (w *System) StartKojira() {
	w.noteOutdated()
	w.serveRequests()
	w.checkIn()
	w.After(kojiraEvery, w.StartKojira)
}

// StartRegeneration lets kojira make new repos from now on.
func (w *System) StartRegeneration() {
	if w.Rules.RepoEvery > 0 {
		w.regenerate()
		w.After(w.Rules.RepoEvery, w.StartRegeneration)
	}
}

// regenerate starts a newRepo task for each build tag that changed.
func (w *System) regenerate() {
	kojira := w.UserByName("kojira")
	done := map[*Tag]bool{}
	for _, g := range w.Targets {
		t := g.Build
		if done[t] || w.making(t) {
			continue
		}
		done[t] = true
		if r := w.NewestRepo(t); r == nil || t.changedAfter(r.Holds) != 0 {
			w.NewRepoTask(t, kojira, []any{t.Name}, 0)
		}
	}
}

// making reports whether a newRepo task of the tag is under way.
func (w *System) making(t *Tag) bool {
	for i := len(w.Repos) - 1; i >= 0 && i > len(w.Repos)-20; i-- {
		r := w.Repos[i]
		if k := w.TaskByID(r.TaskID); k != nil && r.Tag == t && r.State == repoInit && !k.Ended() {
			return true
		}
	}
	return false
}

// noteOutdated sets the end event of repos whose tag has changed.
func (w *System) noteOutdated() {
	for i := len(w.Repos) - 1; i >= 0; i-- {
		if r := w.Repos[i]; r.End == 0 && r.State == RepoReady && !r.Dist {
			r.End = r.Tag.changedAfter(r.Holds)
		}
	}
}

// repoRetries is how often a request that came to nothing is tried again.
const repoRetries = 3

// serveRequests starts newRepo tasks for wishes that have none.
func (w *System) serveRequests() {
	kojira := w.UserByName("kojira")
	waiting := false
	for _, q := range w.Requests {
		if q.Active && q.Task != nil && q.Task.Ended() {
			q.Task, q.Updated = nil, w.Now // it failed, or it would not be active
			q.Active = q.Tries <= repoRetries
		}
		waiting = waiting || q.Active
		if !q.Active || q.Task != nil {
			continue
		}
		q.Tries++
		q.Updated = w.Now
		owner := kojira
		if owner == nil {
			owner = q.Owner
		}
		q.Task = w.NewRepoTask(q.Tag, owner, []any{q.Tag.Name}, q.AtEvent)
	}
	if waiting && w.Rules.RepoEvery == 0 && w.Rules.servesRequests() { // kojira does not come by itself
		w.After(kojiraEvery, w.serveRequests)
	}
}

// Current is a READY repo that meets a wish, nil if none does.
func (w *System) Current(t *Tag, minEvent, atEvent int) *Repo {
	for i := len(w.Repos) - 1; i >= 0; i-- {
		r := w.Repos[i]
		if r.Tag != t || r.Dist || r.State != RepoReady {
			continue
		}
		if atEvent != 0 && r.Event == atEvent || atEvent == 0 && r.Event >= minEvent {
			return r
		}
	}
	return nil
}

// RequestRepo notes a wish for a repo.
func (w *System) RequestRepo(t *Tag, owner *User, minEvent, atEvent int) *RepoRequest {
	q := &RepoRequest{
		ID: len(w.Requests) + 1, Tag: t, Owner: owner, Priority: 20, MinEvent: minEvent, AtEvent: atEvent,
		Created: w.Now, Updated: w.Now, Active: true,
	}
	w.Requests = append(w.Requests, q)
	w.Changed()
	if w.Rules.servesRequests() {
		w.After(time.Minute, w.serveRequests)
	}
	return q
}
