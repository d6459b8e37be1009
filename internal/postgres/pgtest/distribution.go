package pgtest

import (
	"fmt"
	"time"
)

// Distribution makes the record one of large collections: the one that is there
// and others like it, of so many packages each. All packages are tracked, can be
// installed, and have one real build of the last three days; of one package in
// a hundred a little has changed since. What packages there were are deleted.
func (w *World) Distribution(collections, packages int, now time.Time) {
	w.t.Helper()
	w.RemovePackages()
	for i := range collections - 1 {
		w.sql.Exec(`
			INSERT INTO collection (name, display_name, target, dest_tag, build_tag, latest_repo_id, latest_repo_event, latest_repo_resolved)
			SELECT $1, $1, target, dest_tag, build_tag, latest_repo_id, latest_repo_event, latest_repo_resolved
			FROM collection ORDER BY id LIMIT 1`, fmt.Sprintf("copy%d", i+1))
	}
	w.sql.Exec(`INSERT INTO base_package (name) SELECT 'package' || n FROM generate_series(1, $1::int) n`, packages)
	w.sql.Exec(`
		INSERT INTO package (base_id, collection_id, name, tracked, resolution)
		SELECT b.id, c.id, b.name, true, 'resolved'
		FROM base_package b, collection c`)
	w.sql.Exec(`
		INSERT INTO resolution (package_id, collection_id, repo_id, dependency_priority)
		SELECT id, collection_id, 1, CASE WHEN base_id % 100 = 0 THEN 32 ELSE 0 END FROM package`)
	w.sql.Exec(`
		INSERT INTO build (package_id, origin, outcome, event, koji_build_id, version, release, started, finished)
		SELECT id, 'real', 'complete', 1, id, '1', '1', $1::timestamptz - random() * interval '3 days', $1 FROM package`, now)
	w.sql.Exec(`
		UPDATE package p
		SET last_build_id = b.id, last_build_started = b.started, last_complete_build_id = b.id, last_complete_outcome = b.outcome
		FROM build b WHERE b.package_id = p.id`)
	w.sql.Exec(`VACUUM ANALYZE`)
}
