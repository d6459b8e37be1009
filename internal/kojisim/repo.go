package kojisim

import (
	"time"
)

// States of a repo.
const (
	repoInit    = 0
	repoReady   = 1
	repoExpired = 2
	repoDeleted = 3
	repoProblem = 4
)

// repoStateName is Koji's word for a state of a repo.
func repoStateName(state int) string {
	return [...]string{"INIT", "READY", "EXPIRED", "DELETED", "PROBLEM"}[state]
}

// A repo is what a build tag held at one event.
type repo struct {
	id      int
	tag     *tag
	state   int
	changed time.Time // of state
	created time.Time
	ready   time.Time // when builds could first use it
	event   int       // create_event
	holds   int       // event whose content it has; the same but for repos of the past
	begin   int       // event since which the tag was like this
	end     int       // event at which it changed, 0 if not known
	dist    bool
	taskID  int // 0: no task makes it
}

// A repoRequest is a wish for a repo that is new enough.
type repoRequest struct {
	id       int
	tag      *tag
	owner    *user
	priority int
	minEvent int // 0: none
	atEvent  int // 0: none
	created  time.Time
	updated  time.Time
	active   bool
	tries    int
	task     *task
	repo     *repo
}

// taskID is the number of the task that serves the request, 0 if none does.
func (q *repoRequest) taskID() int {
	if q.task == nil {
		return 0
	}
	return q.task.id
}

// newRepoTask starts the making of a repo of tag.
func (w *System) newRepoTask(t *tag, owner *user, request []any, atEvent int) *task {
	job := w.submit("newRepo", owner, 0, request, func(k *task) { w.makeRepo(k, t, atEvent) })
	if c := w.channelByName("createrepo"); c != nil {
		job.channel = c
	}
	return job
}

// initRepo makes the repo of a task; it is not ready yet.
func (w *System) initRepo(t *tag, k *task, atEvent int) *repo {
	r := &repo{id: len(w.repos) + 1, tag: t, created: w.now, changed: w.now}
	if k != nil {
		r.taskID = k.id
	}
	r.event = atEvent
	if atEvent == 0 {
		r.event = w.newEvent()
	}
	r.holds = r.event
	r.begin = t.changedAt(r.event)
	w.borrowed[r] = w.borrow(t)
	w.repos = append(w.repos, r)
	w.changed()
	w.tell(RepoChange{Repo: r})
	return r
}

// makeRepo is the work of a newRepo task.
func (w *System) makeRepo(k *task, t *tag, atEvent int) {
	if k.notes.repo == nil {
		k.notes.repo = w.initRepo(t, k, atEvent)
		for _, arch := range t.ownArches() {
			c := w.subtask(k, "createrepo", arch, "noarch", 1.5, []any{k.notes.repo.id, arch, nil}, w.createrepo)
			c.notes.repo = k.notes.repo
		}
		if len(k.children) > 0 {
			return
		}
	}
	if c := k.failedChild(); c != nil {
		w.failTask(k, childFault(c))
		return
	}
	if k.childrenClosed("createrepo") {
		w.readyRepo(k.notes.repo)
		w.closeTask(k, []any{k.notes.repo.id, k.notes.repo.event})
	}
}

// createrepo is the work of a createrepo task.
func (w *System) createrepo(t *task) {
	w.then(t, w.scaled(t.luck.Between(2*time.Minute, 9*time.Minute)), func() {
		w.closeTask(t, []any{t.dir(), []any{"repomd.xml"}})
	})
}

// readyRepo makes a repo usable and lets the oldest go.
func (w *System) readyRepo(r *repo) {
	w.setRepo(r, repoReady)
	r.ready = w.now
	w.tell(RepoChange{Repo: r, Ready: true})
	for _, q := range w.requests {
		if q.active && q.taskID() == r.taskID {
			q.active, q.repo, q.updated = false, r, w.now
		}
	}
	if w.rules.RepoKeep == 0 {
		return
	}
	ready := 0
	for i := len(w.repos) - 1; i >= 0; i-- {
		old := w.repos[i]
		if old.tag != r.tag || old.state != repoReady || old.dist {
			continue
		}
		if ready++; ready > w.rules.RepoKeep {
			w.expireRepo(old)
		}
	}
}

// setRepo changes a repo's state.
func (w *System) setRepo(r *repo, state int) {
	r.state, r.changed = state, w.now
	w.changed()
}

// expireRepo ends the use of a repo for new builds; some time later it is deleted.
func (w *System) expireRepo(r *repo) {
	w.setRepo(r, repoExpired)
	if d := w.rules.RepoDeleteAfter; d > 0 {
		w.after(d, func() { w.deleteRepo(r) })
	}
}

// deleteRepo deletes a repo's files.
func (w *System) deleteRepo(r *repo) {
	w.setRepo(r, repoDeleted)
}

// repoByID finds a repo; nil if there is none.
func (w *System) repoByID(id int) *repo {
	if id < 1 || id > len(w.repos) {
		return nil
	}
	return w.repos[id-1]
}

// newestRepo is the tag's youngest repo that is ready, nil without one.
func (w *System) newestRepo(t *tag) *repo {
	for i := len(w.repos) - 1; i >= 0; i-- {
		if r := w.repos[i]; r.tag == t && r.state == repoReady && !r.dist {
			return r
		}
	}
	return nil
}

// usable reports whether builds may use the repo.
func (r *repo) usable() bool { return r.state == repoReady || r.state == repoExpired }

// kojiraEvery is how often kojira looks at the repos.
const kojiraEvery = 15 * time.Minute

// startKojira lets kojira look after the repos from now on.
func (w *System) startKojira() {
	w.noteOutdated()
	w.serveRequests()
	w.checkIn()
	w.after(kojiraEvery, w.startKojira)
}

// startRegeneration lets kojira make new repos from now on.
func (w *System) startRegeneration() {
	if w.rules.RepoEvery > 0 {
		w.regenerate()
		w.after(w.rules.RepoEvery, w.startRegeneration)
	}
}

// regenerate starts a newRepo task for each build tag that changed.
func (w *System) regenerate() {
	kojira := w.userByName("kojira")
	done := map[*tag]bool{}
	for _, g := range w.targets {
		t := g.build
		if done[t] || w.making(t) {
			continue
		}
		done[t] = true
		if r := w.newestRepo(t); r == nil || t.changedAfter(r.holds) != 0 {
			w.newRepoTask(t, kojira, []any{t.name}, 0)
		}
	}
}

// making reports whether a newRepo task of the tag is under way.
func (w *System) making(t *tag) bool {
	for i := len(w.repos) - 1; i >= 0 && i > len(w.repos)-20; i-- {
		r := w.repos[i]
		if k := w.taskByID(r.taskID); k != nil && r.tag == t && r.state == repoInit && !k.ended() {
			return true
		}
	}
	return false
}

// noteOutdated sets the end event of repos whose tag has changed.
func (w *System) noteOutdated() {
	for i := len(w.repos) - 1; i >= 0; i-- {
		if r := w.repos[i]; r.end == 0 && r.state == repoReady && !r.dist {
			r.end = r.tag.changedAfter(r.holds)
		}
	}
}

// repoRetries is how often a request that came to nothing is tried again.
const repoRetries = 3

// serveRequests starts newRepo tasks for wishes that have none.
func (w *System) serveRequests() {
	kojira := w.userByName("kojira")
	waiting := false
	for _, q := range w.requests {
		if q.active && q.task != nil && q.task.ended() {
			q.task, q.updated = nil, w.now // it failed, or it would not be active
			q.active = q.tries <= repoRetries
		}
		waiting = waiting || q.active
		if !q.active || q.task != nil {
			continue
		}
		q.tries++
		q.updated = w.now
		owner := kojira
		if owner == nil {
			owner = q.owner
		}
		q.task = w.newRepoTask(q.tag, owner, []any{q.tag.name}, q.atEvent)
	}
	if waiting && w.rules.RepoEvery == 0 && w.rules.servesRequests() { // kojira does not come by itself
		w.after(kojiraEvery, w.serveRequests)
	}
}

// current is a READY repo that meets a wish, nil if none does.
func (w *System) current(t *tag, minEvent, atEvent int) *repo {
	for i := len(w.repos) - 1; i >= 0; i-- {
		r := w.repos[i]
		if r.tag != t || r.dist || r.state != repoReady {
			continue
		}
		if atEvent != 0 && r.event == atEvent || atEvent == 0 && r.event >= minEvent {
			return r
		}
	}
	return nil
}

// requestRepo notes a wish for a repo.
func (w *System) requestRepo(t *tag, owner *user, minEvent, atEvent int) *repoRequest {
	q := &repoRequest{
		id: len(w.requests) + 1, tag: t, owner: owner, priority: 20, minEvent: minEvent, atEvent: atEvent,
		created: w.now, updated: w.now, active: true,
	}
	w.requests = append(w.requests, q)
	w.changed()
	if w.rules.servesRequests() {
		w.after(time.Minute, w.serveRequests)
	}
	return q
}
