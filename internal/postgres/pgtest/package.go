package pgtest

import (
	"time"

	"github.com/koschei-ci/koschei"
)

// A Package is a row as tests look at it, with what the latest repos say of it.
type Package struct {
	ID         int64
	Collection string
	Name       string
	Tracked    bool
	Blocked    bool
	State      koschei.State
	NotedState koschei.State // that was told last
	Running    bool

	StaticPriority     int
	ManualPriority     int
	BuildPriority      int
	DependencyPriority int

	Resolution  koschei.Resolution
	ResolvedIn  int64 // repo; 0 if there is no answer
	Installable bool  // the answer is a set

	LastBuildID         int64
	LastCompleteBuildID int64
	ResolvedBuildID     int64 // that resolution is about; 0 asks for another one

	HoldReason string
	HoldUntil  time.Time
	Faults     int
	Version    string // of the row itself; another one after each write
}

// A PackageOption says what is special about a package.
type PackageOption func(*columns)

// Tracked says whether it is built.
func Tracked(is bool) PackageOption { return func(c *columns) { c.set("tracked", is) } }

// Blocked says whether it is blocked.
func Blocked(is bool) PackageOption { return func(c *columns) { c.set("blocked", is) } }

// NotResolved says whether it is left out of resolution. What is known of its
// dependencies is forgotten.
func NotResolved(is bool) PackageOption {
	return func(c *columns) {
		c.set("skip_resolution", is)
		c.set("resolution", koschei.Unattempted)
	}
}

// Resolution is what is known of its dependencies.
func Resolution(r koschei.Resolution) PackageOption {
	return func(c *columns) { c.set("resolution", r) }
}

// Override is its choice of architectures.
func Override(arches string) PackageOption {
	return func(c *columns) { c.set("arch_override", arches) }
}

// StaticPriority is set by operators.
func StaticPriority(n int) PackageOption { return func(c *columns) { c.set("static_priority", n) } }

// ManualPriority is set by users.
func ManualPriority(n int) PackageOption { return func(c *columns) { c.set("manual_priority", n) } }

// BuildPriority is from the last build.
func BuildPriority(n int) PackageOption { return func(c *columns) { c.set("build_priority", n) } }

// Faults is how many builds in a row ended for no fault of the package.
func Faults(n int) PackageOption { return func(c *columns) { c.set("faults", n) } }

// Held has the scheduler pass it over until then.
func Held(until time.Time, reason string) PackageOption {
	return func(c *columns) {
		c.set("hold_until", until)
		c.set("hold_reason", reason)
	}
}

// HeldFor is the kind of a hold's reason.
func HeldFor(kind string) PackageOption { return func(c *columns) { c.set("hold_kind", kind) } }

// HeldForArches has it held because there is no architecture for its last build.
func HeldForArches() PackageOption {
	return func(c *columns) {
		c.set("hold_kind", "arch")
		c.set("hold_basis", expression(`concat_ws(' ', last_build_id, arch_override)`))
	}
}

// NotHeld ends a hold, but for its reason.
func NotHeld() PackageOption { return func(c *columns) { c.set("hold_until", nil) } }

// NotedState is the state that was told last.
func NotedState(s koschei.State) PackageOption { return func(c *columns) { c.set("noted_state", s) } }

// Due has it resolved without waiting for a repo.
func Due() PackageOption { return func(c *columns) { c.set("resolved_build_id", nil) } }

// NotDue says that its resolution is about its last build.
func NotDue() PackageOption {
	return func(c *columns) { c.set("resolved_build_id", expression("last_complete_build_id")) }
}

// WithoutLastBuilds has it not know its last builds.
func WithoutLastBuilds() PackageOption {
	return func(c *columns) {
		for _, column := range []string{"last_build_id", "last_build_started", "last_complete_build_id", "last_complete_outcome"} {
			c.set(column, nil)
		}
	}
}

func packageColumns(options []PackageOption) *columns {
	var c columns
	for _, o := range options {
		o(&c)
	}
	return &c
}

// Package adds one to a collection, tracked.
func (w *World) Package(collection, name string, options ...PackageOption) int64 {
	w.t.Helper()
	base := w.sql.Number(`
		INSERT INTO base_package (name) VALUES ($1)
		ON CONFLICT (name) DO UPDATE SET name = excluded.name
		RETURNING id`, name)
	return w.insert("package", packageColumns(append([]PackageOption{func(c *columns) {
		c.set("base_id", base)
		c.set("collection_id", w.CollectionRow(collection).ID)
		c.set("name", name)
		c.set("tracked", true)
	}}, options...)))
}

// SetPackage changes a package in all collections.
func (w *World) SetPackage(name string, options ...PackageOption) {
	w.t.Helper()
	w.update("package", packageColumns(options), "name = $1", name)
}

// SetPackageIn changes a package in one collection.
func (w *World) SetPackageIn(collection, name string, options ...PackageOption) {
	w.t.Helper()
	w.update("package", packageColumns(options), "name = $1 AND collection_id = $2", name, w.CollectionRow(collection).ID)
}

// SetPackages changes all packages.
func (w *World) SetPackages(options ...PackageOption) {
	w.t.Helper()
	w.update("package", packageColumns(options), "true")
}

// TrackAll tracks what is not tracked yet.
func (w *World) TrackAll() {
	w.t.Helper()
	w.sql.Exec(`UPDATE package SET tracked = true WHERE NOT tracked`)
}

// TrackFromNowOn has packages be tracked as soon as they are listed.
func (w *World) TrackFromNowOn() {
	w.t.Helper()
	w.sql.Exec(`ALTER TABLE package ALTER COLUMN tracked SET DEFAULT true`)
}

// NoteStates makes the present states of all packages the ones told last.
func (w *World) NoteStates() {
	w.t.Helper()
	w.sql.Exec(`UPDATE package SET noted_state = state`)
}

// RemovePackages deletes all packages with all they have.
func (w *World) RemovePackages() {
	w.t.Helper()
	w.sql.Exec(`TRUNCATE base_package CASCADE`)
}

// LockPackage keeps everybody from writing a package until unlock is called.
func (w *World) LockPackage(name string) (unlock func()) {
	w.t.Helper()
	tx, err := w.sql.pool.Begin(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := tx.Exec(w.t.Context(), `SELECT id FROM package WHERE name = $1 FOR UPDATE`, name); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(w.t.Context()); err != nil {
			w.t.Error(err)
		}
	}
}

// Packages are all, by name, and then in the order of their collections' ids.
func (w *World) Packages() []Package {
	w.t.Helper()
	return read[Package](w, `
		SELECT p.id, c.name AS collection, p.name, p.tracked, p.blocked, p.state, p.noted_state, p.running,
			p.static_priority, p.manual_priority, p.build_priority, coalesce(r.dependency_priority, 0) AS dependency_priority,
			p.resolution, coalesce(r.repo_id, 0) AS resolved_in, r.set_hash IS NOT NULL AS installable,
			coalesce(p.last_build_id, 0) AS last_build_id, coalesce(p.last_complete_build_id, 0) AS last_complete_build_id,
			coalesce(p.resolved_build_id, 0) AS resolved_build_id,
			p.hold_reason, coalesce(p.hold_until, `+never+`) AS hold_until, p.faults, p.xmin::text AS version
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		LEFT JOIN resolution r ON r.package_id = p.id
		ORDER BY p.name, p.collection_id`)
}

// PackagesIn are those of a collection, by name.
func (w *World) PackagesIn(collection string) []Package {
	w.t.Helper()
	var all []Package
	for _, p := range w.Packages() {
		if p.Collection == collection {
			all = append(all, p)
		}
	}
	return all
}

func (w *World) packageID(collection, name string) int64 {
	w.t.Helper()
	return w.sql.Number(`
		SELECT p.id FROM package p JOIN collection c ON c.id = p.collection_id WHERE c.name = $1 AND p.name = $2`, collection, name)
}

// PackageRow is one that must be there, in the oldest collection that has it.
func (w *World) PackageRow(name string) Package {
	w.t.Helper()
	for _, p := range w.Packages() {
		if p.Name == name {
			return p
		}
	}
	w.t.Fatalf("there is no package %s", name)
	return Package{}
}
