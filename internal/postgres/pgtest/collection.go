package pgtest

import "github.com/koschei-ci/koschei"

// A Collection is a row as tests look at it.
type Collection struct {
	ID                 int64
	Name               string
	LatestRepoID       int64
	LatestRepoEvent    int64
	LatestRepoResolved koschei.Resolution
}

// A CollectionOption says what is special about a collection.
type CollectionOption func(*columns)

// Order is its place among collections, the highest first.
func Order(n int) CollectionOption { return func(c *columns) { c.set("order", n) } }

// Secondary has it read from the secondary hub.
func Secondary() CollectionOption { return func(c *columns) { c.set("secondary_mode", true) } }

// Target is its build target.
func Target(name string) CollectionOption { return func(c *columns) { c.set("target", name) } }

// DestTag is the tag whose packages it has.
func DestTag(name string) CollectionOption { return func(c *columns) { c.set("dest_tag", name) } }

// BuildTag is the tag whose repos it is resolved in.
func BuildTag(name string) CollectionOption { return func(c *columns) { c.set("build_tag", name) } }

// BuildGroup is the group that makes its base buildroot.
func BuildGroup(name string) CollectionOption { return func(c *columns) { c.set("build_group", name) } }

// MaxBuilds limits the scratch builds under way at once.
func MaxBuilds(n int) CollectionOption { return func(c *columns) { c.set("max_builds", n) } }

// Paused has the scheduler submit nothing of it, or go on.
func Paused(is bool) CollectionOption { return func(c *columns) { c.set("paused", is) } }

// OnlyTracked leaves builds of packages out that are not tracked.
func OnlyTracked() CollectionOption { return func(c *columns) { c.set("poll_untracked", false) } }

// LatestRepo is the repo that verdicts are about; its buildroot can be installed.
func LatestRepo(id, event int64) CollectionOption {
	return func(c *columns) {
		c.set("latest_repo_id", id)
		c.set("latest_repo_event", event)
		c.set("latest_repo_resolved", koschei.Resolved)
	}
}

// BrokenBuildroot has the buildroot of the latest repo not be installable.
func BrokenBuildroot() CollectionOption {
	return func(c *columns) { c.set("latest_repo_resolved", koschei.Unresolved) }
}

// Collection adds one whose target and destination tag have its name, and whose
// build tag is that with -build.
func (w *World) Collection(name string, options ...CollectionOption) int64 {
	w.t.Helper()
	var c columns
	for _, column := range []string{"name", "display_name", "target", "dest_tag"} {
		c.set(column, name)
	}
	c.set("build_tag", name+"-build")
	for _, o := range options {
		o(&c)
	}
	return w.insert("collection", &c)
}

// SetCollection changes one.
func (w *World) SetCollection(name string, options ...CollectionOption) {
	w.t.Helper()
	var c columns
	for _, o := range options {
		o(&c)
	}
	w.update("collection", &c, "name = $1", name)
}

// RemoveCollection deletes one with all it has.
func (w *World) RemoveCollection(name string) {
	w.t.Helper()
	w.sql.Exec(`DELETE FROM collection WHERE name = $1`, name)
}

// Collections are all, by name.
func (w *World) Collections() []Collection {
	w.t.Helper()
	return read[Collection](w, `
		SELECT id, name, latest_repo_id, latest_repo_event, latest_repo_resolved FROM collection ORDER BY name`)
}

// CollectionRow is one that must be there.
func (w *World) CollectionRow(name string) Collection {
	w.t.Helper()
	for _, c := range w.Collections() {
		if c.Name == name {
			return c
		}
	}
	w.t.Fatalf("there is no collection %s", name)
	return Collection{}
}
