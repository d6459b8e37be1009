package kojisim

import "time"

// SendHome ends the packagers' work: what they have begun goes on, and nothing
// new comes. The machinery goes on making repos of what has changed.
func (w *World) SendHome() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holiday = true
}

// Settled returns the newest ready repo of a build tag, 0 without one, and
// reports whether it holds all that there is and nobody but the named user has
// a task under way. Without packagers that stays so.
func (w *World) Settled(buildTag, user string) (repo int, settled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
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
func (w *World) BuildTasks(user, option string) []BuildTask {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []BuildTask
	for _, k := range w.tasks {
		if k.method != "build" || k.parent != nil || k.owner == nil || k.owner.name != user {
			continue
		}
		b := BuildTask{ID: k.id, State: taskStateName(k.state), Ended: k.ended()}
		if run := k.build; run != nil {
			b.Option, _ = run.opts.Get(option)
			if run.src != nil {
				b.Package = run.src.pkg.name
			}
			if run.repo != nil {
				b.Repo = run.repo.id
			}
		}
		out = append(out, b)
	}
	return out
}

// RepoReadable reports whether the files of a repo are still there.
func (w *World) RepoReadable(id int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.repoByID(id)
	return r != nil && r.usable()
}

// RepoReady returns when a repo became ready; false if it never did.
func (w *World) RepoReady(id int) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.repoByID(id)
	if r == nil || r.ready.IsZero() {
		return time.Time{}, false
	}
	return r.ready, true
}
