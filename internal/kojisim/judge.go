package kojisim

import (
	"slices"
	"time"
)

// SendHome ends the packagers' work: what they have begun goes on, and nothing
// new comes. The machinery goes on making repos of what has changed.
func (world *World) SendHome() {
	w := world.Lock()
	defer world.Unlock()
	w.Holiday = true
}

// Settled returns the newest ready repo of a build tag, 0 without one, and
// reports whether it holds all that there is and nobody but the named user has
// a task under way. Without packagers that stays so.
func (world *World) Settled(buildTag, user string) (repo int, settled bool) {
	w := world.Lock()
	defer world.Unlock()
	t := w.TagByName(buildTag)
	if t == nil {
		return 0, false
	}
	r := w.NewestRepo(t)
	if r == nil {
		return 0, false
	}
	for _, k := range w.Tasks {
		if !k.Ended() && (k.Owner == nil || k.Owner.Name != user) {
			return r.ID, false
		}
	}
	return r.ID, t.changedAfter(r.Holds) == 0
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
	for _, k := range w.Tasks {
		if k.Method != "build" || k.Parent != nil || k.Owner == nil || k.Owner.Name != user {
			continue
		}
		b := BuildTask{ID: k.ID, State: TaskStateName(k.State), Ended: k.Ended()}
		b.Option = k.Options.Get(option)
		if k.Notes.Source != nil {
			b.Package = k.Notes.Source.Package.Name
		}
		if k.Notes.Repo != nil {
			b.Repo = k.Notes.Repo.ID
		}
		out = append(out, b)
	}
	return out
}

// RepoReadable reports whether the files of a repo are still there.
func (world *World) RepoReadable(id int) bool {
	w := world.Lock()
	defer world.Unlock()
	r := w.RepoByID(id)
	return r != nil && r.Usable()
}

// RepoReady returns when a repo became ready; false if it never did.
func (world *World) RepoReady(id int) (time.Time, bool) {
	w := world.Lock()
	defer world.Unlock()
	r := w.RepoByID(id)
	if r == nil || r.ready.IsZero() {
		return time.Time{}, false
	}
	return r.ready, true
}

// Breakages returns the rules by which builds fail, by package.
func (world *World) Breakages() map[string][]Breakage {
	w := world.Lock()
	defer world.Unlock()
	out := make(map[string][]Breakage, len(w.truth.breakages))
	for name, bs := range w.truth.breakages {
		out[name] = slices.Clone(bs)
	}
	return out
}

// Break adds a rule by which builds fail.
func (world *World) Break(b Breakage) {
	w := world.Lock()
	defer world.Unlock()
	w.Break(b)
}

// Flaky makes builds of a package fail by chance with probability p.
func (world *World) Flaky(name string, p float64) {
	w := world.Lock()
	defer world.Unlock()
	w.MakeFlaky(name, p)
}

// Verdict tells why the top-level build task ended as it did; false if it has
// not ended, was canceled, or was no build.
func (world *World) Verdict(task int) (Verdict, bool) {
	w := world.Lock()
	defer world.Unlock()
	v, ok := w.truth.verdicts[task]
	return v, ok
}

// Verdicts returns all of them, by task.
func (world *World) Verdicts() map[int]Verdict {
	w := world.Lock()
	defer world.Unlock()
	out := make(map[int]Verdict, len(w.truth.verdicts))
	for id, v := range w.truth.verdicts {
		out[id] = v
	}
	return out
}

// Foresee tells what building the newest source of each package in a repo
// comes to: by package, without those that are blocked or have no build. Chance
// and the build system's own failures are left out.
func (world *World) Foresee(repoID int) map[string]Verdict {
	w := world.Lock()
	defer world.Unlock()
	out := map[string]Verdict{}
	r := w.RepoByID(repoID)
	if r == nil {
		return out
	}
	for _, p := range w.Packages {
		src := r.Tag.LatestBuild(p, w.LastEvent())
		if src == nil || IsBlocked(r.Tag.Order(), p) {
			continue
		}
		o := outcome{Verdict: Verdict{Package: p.Name, NVR: src.NVR(), Repo: r.ID, Cause: CauseNone}}
		if !w.cannotInstall(&o, src, r) {
			w.broken(&o, src, r)
		}
		out[p.Name] = o.Verdict
	}
	return out
}

// A Standing is what should be shown of a package in a tag.
type Standing struct {
	State  string  // "ok", "failing", "unresolved", "blocked" or "unknown"
	Source string  // the name of its newest build, "" without one
	Last   Verdict // of the last build of that source that says something about it
}

// Standings tells what should be shown of all packages in a tag once nothing is
// under way, with a repo that holds all there is: of the user's builds those
// count that counts says of, by the build tag of their repo and when they were
// submitted and ended.
func (world *World) Standings(tag string, repo int, user string, counts func(buildTag string, made, ended time.Time) bool) map[string]Standing {
	foreseen := world.Foresee(repo)
	w := world.Lock()
	defer world.Unlock()
	last := w.lastVerdicts(user, counts)
	order := w.TagByName(tag).Order()
	out := map[string]Standing{}
	for _, p := range w.Packages {
		b := LatestBuildIn(order, p, w.LastEvent())
		at := Standing{State: "unknown"}
		if b != nil {
			at.Source, at.Last, at.State = b.NVR(), last[b], "ok"
		}
		switch {
		case IsBlocked(order, p) || !slices.ContainsFunc(order, func(t *Tag) bool { return t.Listed[p.ID] != nil }):
			at.State = "blocked" // or in no list any more, which is the same
		case b == nil:
		case foreseen[p.Name].Cause == CauseUnresolvable:
			at.State = "unresolved"
		case at.Last.Task != 0 && at.Last.Cause != CauseNone:
			at.State = "failing"
		}
		out[p.Name] = at
	}
	return out
}

// lastVerdicts are those on the last builds of a user that say something about
// their source.
func (w *System) lastVerdicts(user string, counts func(buildTag string, made, ended time.Time) bool) map[*Build]Verdict {
	last := map[*Build]Verdict{}
	for _, k := range w.Tasks {
		v, known := w.truth.verdicts[k.ID]
		if !known || k.Parent != nil || k.Owner == nil || k.Owner.Name != user || k.State == TaskCanceled ||
			k.Notes.Source == nil || k.Notes.Repo == nil || v.Cause == CauseInfrastructure {
			continue
		}
		if counts(k.Notes.Repo.Tag.Name, k.Created, k.Completed) {
			last[k.Notes.Source] = v
		}
	}
	return last
}
