package pgtest

import (
	"time"

	"github.com/koschei-ci/koschei"
)

// A Transition is a time at which a package became resolvable or not.
type Transition struct {
	Package  string
	RepoID   int64
	Event    int64
	Resolved bool
	Problems []string
	Changed  time.Time
}

// A Verdict is what the repos say of a package now.
type Verdict struct {
	Package  string
	State    koschei.State // of the package
	Problems []string
}

// An AppliedChange is what changed of one package in a build since the build
// before it. A build in which nothing changed has one without names.
type AppliedChange struct {
	From, To int64 // events of the builds
	Name     string
	Prev     string // version; "" if it was not there
	Curr     string // version; "" if it is not there any more
	Distance int
}

// A RepoChange is what a repo has of a source that the repo before it had
// otherwise: the versions of the first binary package.
type RepoChange struct {
	RepoID int64
	Source string
	Prev   string
	Curr   string
}

// ResolvePackages has a repo have said of all packages that they can be installed.
func (w *World) ResolvePackages(repo int64) {
	w.t.Helper()
	w.sql.Exec(`
		INSERT INTO resolution (package_id, collection_id, repo_id)
		SELECT id, collection_id, $1 FROM package`, repo)
	w.SetPackages(Resolution(koschei.Resolved), NotDue())
}

// RemoveVerdict forgets what repos say of a package.
func (w *World) RemoveVerdict(pkg string) {
	w.t.Helper()
	w.SetPackage(pkg, Resolution(koschei.Unattempted))
	w.sql.Exec(`DELETE FROM resolution r USING package p WHERE p.id = r.package_id AND p.name = $1`, pkg)
}

// SetDependencyPriorities gives all packages the same one.
func (w *World) SetDependencyPriorities(n int) {
	w.t.Helper()
	w.sql.Exec(`
		INSERT INTO resolution (package_id, collection_id, repo_id, dependency_priority)
		SELECT id, collection_id, 1, $1 FROM package
		ON CONFLICT (package_id) DO UPDATE SET dependency_priority = excluded.dependency_priority`, n)
}

// SpoilVerdicts makes all stored answers other ones, so that the next ones
// differ from them.
func (w *World) SpoilVerdicts() {
	w.t.Helper()
	w.sql.Exec(`UPDATE resolution SET set_hash = sha256(set_hash)`)
}

// BuiltWithVerdict stores the present answer as what a package's last complete
// build was made with, as the build-resolver would, and makes the package due.
func (w *World) BuiltWithVerdict(pkg string) {
	w.t.Helper()
	w.sql.Exec(`
		INSERT INTO dependency_set (hash, size, content)
		SELECT set_hash, 1, set_content
		FROM resolution JOIN package ON id = package_id
		WHERE name = $1
		ON CONFLICT DO NOTHING`, pkg)
	w.sql.Exec(`
		UPDATE build b
		SET deps = 'resolved', dependency_set_id = d.id
		FROM package p
		JOIN resolution r ON r.package_id = p.id
		JOIN dependency_set d ON d.hash = r.set_hash
		WHERE b.id = p.last_complete_build_id AND p.name = $1`, pkg)
	w.SetPackage(pkg, Due())
}

// Transitions are all, the oldest first.
func (w *World) Transitions() []Transition {
	w.t.Helper()
	return read[Transition](w, `
		SELECT p.name AS package, r.repo_id, r.event, r.resolved, r.problems, r.changed
		FROM resolution_change r
		JOIN package p ON p.id = r.package_id
		ORDER BY r.id`)
}

// TransitionsOf are those of a package, the oldest first.
func (w *World) TransitionsOf(pkg string) []Transition {
	w.t.Helper()
	var all []Transition
	for _, t := range w.Transitions() {
		if t.Package == pkg {
			all = append(all, t)
		}
	}
	return all
}

// Verdicts are those on all packages, by package.
func (w *World) Verdicts() []Verdict {
	w.t.Helper()
	return read[Verdict](w, `
		SELECT p.name AS package, p.state, r.problems
		FROM resolution r
		JOIN package p ON p.id = r.package_id
		ORDER BY p.name, p.collection_id`)
}

// AppliedChanges are those of all builds, by event and as they are stored.
func (w *World) AppliedChanges() []AppliedChange {
	w.t.Helper()
	return read[AppliedChange](w, `
		SELECT e.event AS from, b.event AS to, coalesce(p.name, c.name, '') AS name,
			coalesce(p.version, '') AS prev, coalesce(c.version, '') AS curr, coalesce(d.distance, 0) AS distance
		FROM applied_change a
		JOIN build b ON b.id = a.build_id
		JOIN build e ON e.id = a.prev_build_id
		LEFT JOIN LATERAL unnest(a.prev, a.curr, a.distance) WITH ORDINALITY AS d (prev, curr, distance, n) ON true
		LEFT JOIN nevra p ON p.id = d.prev
		LEFT JOIN nevra c ON c.id = d.curr
		ORDER BY b.event, e.event, d.n`)
}

// ComparedBuilds counts the builds that were compared with the one before.
func (w *World) ComparedBuilds() int64 {
	w.t.Helper()
	return w.sql.Number(`SELECT count(*) FROM applied_change`)
}

// RepoChanges are those of all repos, the oldest first.
func (w *World) RepoChanges() []RepoChange {
	w.t.Helper()
	return read[RepoChange](w, `
		SELECT r.repo_id, r.source, coalesce(p.version, '') AS prev, coalesce(n.version, '') AS curr
		FROM repo_change r
		LEFT JOIN nevra p ON p.id = r.prev[1]
		LEFT JOIN nevra n ON n.id = r.curr[1]
		ORDER BY r.repo_id, r.source`)
}

// Binaries are the binary packages with these ids, as "name version".
func (w *World) Binaries(ids ...int32) []string {
	w.t.Helper()
	return w.sql.Lines(`
		SELECT name || ' ' || version FROM unnest($1::int[]) WITH ORDINALITY AS i (id, n) JOIN nevra USING (id) ORDER BY n`, ids)
}
