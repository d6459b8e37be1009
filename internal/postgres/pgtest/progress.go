package pgtest

import "time"

// How far services are in records too large to be read row by row.

// NewestBuild is the id of the build that was written down last, 0 without any.
func (w *World) NewestBuild() int64 {
	w.t.Helper()
	return w.sql.Number(`SELECT coalesce(max(id), 0) FROM build`)
}

// PackagesWithVerdict counts the tracked packages that a repo says something of.
func (w *World) PackagesWithVerdict() int64 {
	w.t.Helper()
	return w.sql.Number(`SELECT count(*) FROM package WHERE tracked AND resolution <> 'unattempted'`)
}

// CollectionsToTrack are those with packages that are not tracked.
func (w *World) CollectionsToTrack() []string {
	w.t.Helper()
	return w.sql.Lines(`
		SELECT name FROM collection c
		WHERE EXISTS (SELECT 1 FROM package WHERE collection_id = c.id AND NOT tracked)`)
}

// BuildsBegun counts the scratch builds that began in a time.
func (w *World) BuildsBegun(from, to time.Time) int64 {
	w.t.Helper()
	return w.sql.Number(`SELECT count(*) FROM build WHERE origin = 'scratch' AND started >= $1 AND started < $2`, from, to)
}

// PackagesToResolve counts those that are to be resolved without waiting for a
// repo.
func (w *World) PackagesToResolve() int64 {
	w.t.Helper()
	return w.sql.Number(`
		SELECT count(*) FROM package
		WHERE tracked AND NOT blocked AND NOT skip_resolution AND last_complete_build_id IS NOT NULL
			AND resolved_build_id IS DISTINCT FROM last_complete_build_id`)
}

// PackagesWithoutBuildIn are those of a collection that could be built and have no
// finished scratch build of their present source in a repo.
func (w *World) PackagesWithoutBuildIn(collection string, repo int) []string {
	w.t.Helper()
	return w.sql.Lines(`
		SELECT p.name
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		WHERE c.name = $2 AND p.tracked AND NOT p.blocked AND p.state <> 'unresolved' AND p.last_complete_build_id IS NOT NULL AND NOT EXISTS (
			SELECT 1 FROM build b
			WHERE b.package_id = p.id AND b.origin = 'scratch' AND b.repo_id = $1 AND b.outcome IN ('complete', 'failed')
				AND NOT b.untagged)
		ORDER BY p.name`, repo, collection)
}

// SetsLeft counts the dependency sets that no build has.
func (w *World) SetsLeft() int64 {
	w.t.Helper()
	return w.sql.Number(`
		SELECT count(*) FROM dependency_set d
		WHERE NOT EXISTS (SELECT 1 FROM build b WHERE b.dependency_set_id = d.id)`)
}
