package kojisim

import (
	"time"
)

// NewRepoTask starts the making of a repo of tag.
func (w *System) NewRepoTask(t *Tag, owner *User, request []any, atEvent int) *Task {
	job := w.submit("newRepo", owner, 0, request, func(k *Task) { w.makeRepo(k, t, atEvent) })
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
	w.tell(RepoChange{Repo: r})
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
		w.closeTask(k, []any{k.Notes.Repo.ID, k.Notes.Repo.Event})
	}
}

// createrepo is the work of a createrepo task.
func (w *System) createrepo(t *Task) {
	w.then(t, w.scaled(t.luck.Between(2*time.Minute, 9*time.Minute)), func() {
		w.closeTask(t, []any{t.Dir(), []any{"repomd.xml"}})
	})
}

// ReadyRepo makes a repo usable and lets the oldest go.
func (w *System) ReadyRepo(r *Repo) {
	w.SetRepo(r, RepoReady)
	r.ready = w.Now
	w.tell(RepoChange{Repo: r, Ready: true})
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
