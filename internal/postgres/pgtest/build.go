package pgtest

import (
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Build is a row as tests look at it.
type Build struct {
	ID          int64
	Collection  string
	Package     string
	Origin      koschei.Origin
	Outcome     koschei.Outcome
	Untagged    bool
	Event       int64
	Hub         koschei.Hub
	TaskID      int64 // 0 if it has none
	KojiBuildID int64 // 0 if it has none
	CopiedFrom  int64 // 0 if it is no copy
	Epoch       uint32
	Version     string
	Release     string
	RepoID      int64 // 0 if it is not known
	Arches      string
	Started     time.Time
	Finished    time.Time
	Trigger     string // JSON; "" if there is none
	Fault       string
	FaultTaskID int64
	Deps        koschei.DepsState

	SetID         int64  // of what it was made with; 0 if that is not known
	SetSize       int    // packages in that
	InputIdentity string // "" if it is not known
	Last          bool   // it is its package's last build
	LastComplete  bool   // it is its package's last complete build
}

// EVR is the build's, always with its epoch.
func (b *Build) EVR() string { return fmt.Sprintf("%d:%s-%s", b.Epoch, b.Version, b.Release) }

// A BuildTask is a child task of a build.
type BuildTask struct {
	BuildID  int64
	TaskID   int64
	Method   string
	Arch     string
	State    koschei.TaskState
	Started  time.Time
	Finished time.Time
}

// A BuildOption says what is special about a build.
type BuildOption func(*columns)

// Real has packagers have made it.
func Real(kojiBuildID int64) BuildOption {
	return func(c *columns) {
		c.set("origin", koschei.Real)
		c.set("koji_build_id", kojiBuildID)
	}
}

// Outcome is what became of it.
func Outcome(o koschei.Outcome) BuildOption { return func(c *columns) { c.set("outcome", o) } }

// Task is its task at the hub.
func Task(id int64) BuildOption { return func(c *columns) { c.set("task_id", id) } }

// NoTask has no task be known.
func NoTask() BuildOption { return func(c *columns) { c.set("task_id", nil) } }

// At is the event that orders it among the package's builds.
func At(event int64) BuildOption { return func(c *columns) { c.set("event", event) } }

// InRepo is the repo that it was made in.
func InRepo(id int64) BuildOption { return func(c *columns) { c.set("repo_id", id) } }

// EVR is what was built.
func EVR(evr rpm.EVR) BuildOption {
	return func(c *columns) {
		c.set("epoch", evr.Epoch)
		c.set("version", evr.Version)
		c.set("release", evr.Release)
	}
}

// Started is when it began.
func Started(at time.Time) BuildOption { return func(c *columns) { c.set("started", at) } }

// Finished is when it ended.
func Finished(at time.Time) BuildOption { return func(c *columns) { c.set("finished", at) } }

// Deps is how far the build-resolver is with it, without a set.
func Deps(d koschei.DepsState) BuildOption { return func(c *columns) { c.set("deps", d) } }

func buildColumns(options []BuildOption) *columns {
	var c columns
	for _, o := range options {
		o(&c)
	}
	return &c
}

// Build adds a scratch build 1-1 of a package, which is running and has no task
// unless options say otherwise, in the oldest collection that has the package.
// What is not said to have finished otherwise did when it started. The
// package's last builds follow.
func (w *World) Build(pkg string, started time.Time, options ...BuildOption) int64 {
	w.t.Helper()
	return w.BuildIn(w.PackageRow(pkg).Collection, pkg, started, options...)
}

// BuildIn is Build in a collection.
func (w *World) BuildIn(collection, pkg string, started time.Time, options ...BuildOption) int64 {
	w.t.Helper()
	in := w.packageID(collection, pkg)
	c := buildColumns(append([]BuildOption{
		Outcome(koschei.OutcomeRunning), EVR(rpm.EVR{Version: "1", Release: "1"}), Started(started),
		func(c *columns) {
			c.set("package_id", in)
			c.set("origin", koschei.Scratch)
			c.set("event", expression("(SELECT coalesce(max(event), 0) + 1 FROM build)"))
		},
	}, options...))
	if o, _ := c.value("outcome").(koschei.Outcome); o.Ended() && c.value("finished") == nil {
		c.set("finished", c.value("started"))
	}
	id := w.insert("build", c)
	w.sql.Exec(refreshLastBuilds+" AND p.id = $1", in)
	return id
}

// SetBuild changes one. Nothing follows.
func (w *World) SetBuild(id int64, options ...BuildOption) {
	w.t.Helper()
	w.update("build", buildColumns(options), "id = $1", id)
}

// SetBuilds changes all builds. Nothing follows.
func (w *World) SetBuilds(options ...BuildOption) {
	w.t.Helper()
	w.update("build", buildColumns(options), "true")
}

// SetScratchBuilds changes all scratch builds. Nothing follows.
func (w *World) SetScratchBuilds(options ...BuildOption) {
	w.t.Helper()
	w.update("build", buildColumns(options), "origin = 'scratch'")
}

// RemoveBuild deletes one. The packages' last builds follow.
func (w *World) RemoveBuild(id int64) {
	w.t.Helper()
	w.sql.Exec(`DELETE FROM build WHERE id = $1`, id)
	w.RefreshLastBuilds()
}

// RemoveScratchBuilds deletes all scratch builds. The packages' last builds
// follow.
func (w *World) RemoveScratchBuilds() {
	w.t.Helper()
	w.sql.Exec(`DELETE FROM build WHERE origin = 'scratch'`)
	w.RefreshLastBuilds()
}

// RefreshLastBuilds works out anew what follows from builds.
func (w *World) RefreshLastBuilds() {
	w.t.Helper()
	w.sql.Exec(refreshLastBuilds)
}

const refreshLastBuilds = `
	UPDATE package p
	SET last_build_id = l.id, last_build_started = l.started, last_complete_build_id = d.id, last_complete_outcome = d.outcome
	FROM package q` + lastBuilds + `
	WHERE q.id = p.id
		AND (p.last_build_id, p.last_build_started, p.last_complete_build_id, p.last_complete_outcome)
			IS DISTINCT FROM (l.id, l.started, d.id, d.outcome)`

// lastBuilds joins a package q with its last build l and its last complete one d.
const lastBuilds = `
		LEFT JOIN LATERAL (
			SELECT id, started FROM build b
			WHERE b.package_id = q.id AND NOT untagged AND outcome IN ('submitting', 'running', 'complete', 'failed')
			ORDER BY event DESC, id DESC LIMIT 1) l ON true
		LEFT JOIN LATERAL (
			SELECT id, outcome FROM build b
			WHERE b.package_id = q.id AND NOT untagged AND outcome IN ('complete', 'failed')
			ORDER BY event DESC, id DESC LIMIT 1) d ON true`

// Builds are all, by package, and then by event, the oldest first.
func (w *World) Builds() []Build {
	w.t.Helper()
	return read[Build](w, `
		SELECT b.id, c.name AS collection, p.name AS package, b.origin, b.outcome, b.untagged, b.event, b.hub,
			coalesce(b.task_id, 0) AS task_id, coalesce(b.koji_build_id, 0) AS koji_build_id, coalesce(b.copied_from, 0) AS copied_from,
			b.epoch, b.version, b.release, coalesce(b.repo_id, 0) AS repo_id, b.arches, b.started,
			coalesce(b.finished, `+never+`) AS finished, coalesce(b.trigger::text, '') AS trigger,
			b.fault, coalesce(b.fault_task_id, 0) AS fault_task_id, b.deps,
			coalesce(b.dependency_set_id, 0) AS set_id, coalesce(s.size, 0) AS set_size,
			coalesce(encode(b.input_identity, 'hex'), '') AS input_identity,
			p.last_build_id IS NOT DISTINCT FROM b.id AS last, p.last_complete_build_id IS NOT DISTINCT FROM b.id AS last_complete
		FROM build b
		JOIN package p ON p.id = b.package_id
		JOIN collection c ON c.id = p.collection_id
		LEFT JOIN dependency_set s ON s.id = b.dependency_set_id
		ORDER BY p.name, b.event, b.id`)
}

// BuildsOf are those of a package in all collections, by event, the oldest first.
func (w *World) BuildsOf(pkg string) []Build {
	w.t.Helper()
	return w.builds(func(b *Build) bool { return b.Package == pkg })
}

// ScratchBuilds are all, by package, and then by event, the oldest first.
func (w *World) ScratchBuilds() []Build {
	w.t.Helper()
	return w.builds(func(b *Build) bool { return b.Origin == koschei.Scratch })
}

func (w *World) builds(wanted func(*Build) bool) []Build {
	w.t.Helper()
	all := []Build{}
	for _, b := range w.Builds() {
		if wanted(&b) {
			all = append(all, b)
		}
	}
	return all
}

// BuildRow is one that must be there.
func (w *World) BuildRow(id int64) Build {
	w.t.Helper()
	found := w.builds(func(b *Build) bool { return b.ID == id })
	if len(found) != 1 {
		w.t.Fatalf("there is no build %d", id)
	}
	return found[0]
}

// BuildTasks are all child tasks, by build and task.
func (w *World) BuildTasks() []BuildTask {
	w.t.Helper()
	return read[BuildTask](w, `
		SELECT build_id, task_id, method, arch, state, started, coalesce(finished, `+never+`) AS finished
		FROM build_task
		ORDER BY build_id, task_id`)
}

// BuildTasksOf are the child tasks of a build.
func (w *World) BuildTasksOf(build int64) []BuildTask {
	w.t.Helper()
	var all []BuildTask
	for _, t := range w.BuildTasks() {
		if t.BuildID == build {
			all = append(all, t)
		}
	}
	return all
}
