package kojisim

import (
	"time"
)

// SendHome ends the packagers' work: what they have begun goes on, and nothing
// new comes. The machinery goes on making repos of what has changed.
func (world *World) SendHome() {
	w := world.Lock()
	defer world.Unlock()
	w.holiday = true
}

// Settled returns the newest ready repo of a build tag, 0 without one, and
// reports whether it holds all that there is and nobody but the named user has
// a task under way. Without packagers that stays so.
func (world *World) Settled(buildTag, user string) (repo int, settled bool) {
	w := world.Lock()
	defer world.Unlock()
	t := w.tagByName(buildTag)
	if t == nil {
		return 0, false
	}
	r := w.newestRepo(t)
	if r == nil {
		return 0, false
	}
	for _, k := range w.tasks {
		if !k.ended() && (k.owner == nil || k.owner.name != user) {
			return r.id, false
		}
	}
	return r.id, t.changedAfter(r.holds) == 0
}

// A BuildTask is a top-level build task.
type BuildTask struct {
	ID      int
	State   string // in Koji's words: OPEN, CLOSED
	Ended   bool
	Package string // "" if its source is not known (yet)
	Repo    int    // 0 if there is none (yet)
	Option  any    // of the submission, the one asked for
}

// BuildTasks returns the build tasks of a user by id, each with the named
// option of its submission.
func (world *World) BuildTasks(user, option string) []BuildTask {
	w := world.Lock()
	defer world.Unlock()
	var out []BuildTask
	for _, k := range w.tasks {
		if k.method != "build" || k.parent != nil || k.owner == nil || k.owner.name != user {
			continue
		}
		b := BuildTask{ID: k.id, State: taskStateName(k.state), Ended: k.ended()}
		b.Option = k.options.Get(option)
		if k.notes.source != nil {
			b.Package = k.notes.source.pkg.name
		}
		if k.notes.repo != nil {
			b.Repo = k.notes.repo.id
		}
		out = append(out, b)
	}
	return out
}

// RepoReadable reports whether the files of a repo are still there.
func (world *World) RepoReadable(id int) bool {
	w := world.Lock()
	defer world.Unlock()
	r := w.repoByID(id)
	return r != nil && r.usable()
}

// RepoReady returns when a repo became ready; false if it never did.
func (world *World) RepoReady(id int) (time.Time, bool) {
	w := world.Lock()
	defer world.Unlock()
	r := w.repoByID(id)
	if r == nil || r.ready.IsZero() {
		return time.Time{}, false
	}
	return r.ready, true
}
