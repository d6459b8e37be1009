package kojisim

import (
	"strconv"
	"time"
)

// initDistRepo makes a dist repo, which is what a tag holds put together to be
// published; it is not ready yet.
func (w *System) initDistRepo(t *tag) *repo {
	r := &repo{id: len(w.repos) + 1, tag: t, created: w.now, changed: w.now, dist: true}
	r.event = w.newEvent()
	r.holds = r.event
	w.repos = append(w.repos, r)
	return r
}

// newDistRepoTask starts the making of a dist repo.
func (w *System) newDistRepoTask(r *repo, owner *user, keys any, arches []any, opts Options) *task {
	k := w.submit("distRepo", owner, 0, []any{r.tag.name, r.id, keys, opts}, func(k *task) { w.makeDistRepo(k, r, arches, opts) })
	r.taskID = k.id
	return k
}

// makeDistRepo is the work of a distRepo task.
func (w *System) makeDistRepo(k *task, r *repo, arches []any, opts Options) {
	if len(k.children) == 0 {
		for _, a := range arches {
			arch, _ := a.(string)
			w.subtask(k, "createdistrepo", arch, "noarch", 1.5, []any{r.tag.name, r.id, arch, []any{}, opts}, func(t *task) {
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
		w.setRepo(r, repoReady)
		w.tell(RepoChange{Repo: r, Ready: true})
		w.closeTask(k, "Dist repository #"+strconv.Itoa(r.id)+" successfully generated")
	}
}
