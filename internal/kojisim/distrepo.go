package kojisim

import (
	"strconv"
	"time"
)

// InitDistRepo makes a dist repo, which is what a tag holds put together to be
// published; it is not ready yet.
func (w *System) InitDistRepo(t *Tag) *Repo {
	r := &Repo{ID: len(w.Repos) + 1, Tag: t, Created: w.Now, Changed: w.Now, Dist: true}
	r.Event = w.NewEvent()
	r.Holds = r.Event
	w.Repos = append(w.Repos, r)
	return r
}

// NewDistRepoTask starts the making of a dist repo.
func (w *System) NewDistRepoTask(r *Repo, owner *User, keys any, arches []any, opts Options) *Task {
	k := w.submit("distRepo", owner, 0, []any{r.Tag.Name, r.ID, keys, opts}, func(k *Task) { w.makeDistRepo(k, r, arches, opts) })
	r.TaskID = k.ID
	return k
}

// makeDistRepo is the work of a distRepo task.
func (w *System) makeDistRepo(k *Task, r *Repo, arches []any, opts Options) {
	if len(k.Children) == 0 {
		for _, a := range arches {
			arch, _ := a.(string)
			w.subtask(k, "createdistrepo", arch, "noarch", 1.5, []any{r.Tag.Name, r.ID, arch, []any{}, opts}, func(t *Task) {
				w.then(t, w.scaled(t.luck.Between(time.Minute, 5*time.Minute)), func() { w.closeTask(t, nil) })
			})
		}
		return
	}
	if c := k.failedChild(); c != nil {
		w.failTask(k, childFault(c))
		return
	}
	if k.childrenClosed("createdistrepo") {
		w.SetRepo(r, RepoReady)
		w.tell(RepoChange{Repo: r, Ready: true})
		w.closeTask(k, "Dist repository #"+strconv.Itoa(r.ID)+" successfully generated")
	}
}
