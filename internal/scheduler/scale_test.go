package scheduler

import (
	"fmt"
	"testing"
)

// BenchmarkPass makes passes over four collections of 35,000 packages each, of
// which one in a hundred is raised a little and none is due.
func BenchmarkPass(b *testing.B) {
	f := newFixture(b)
	f.exec(b, `TRUNCATE base_package CASCADE`)
	for i := range 3 {
		f.exec(b, `
			INSERT INTO collection (name, display_name, target, dest_tag, build_tag, latest_repo_id, latest_repo_event, latest_repo_resolved)
			SELECT $1, $1, target, dest_tag, build_tag, latest_repo_id, latest_repo_event, latest_repo_resolved
			FROM collection WHERE name = 'f40'`, fmt.Sprintf("f4%d", i+1))
	}
	f.exec(b, `INSERT INTO base_package (name) SELECT 'package' || n FROM generate_series(1, 35000) n`)
	f.exec(b, `
		INSERT INTO package (base_id, collection_id, name, tracked, resolution)
		SELECT b.id, c.id, b.name, true, 'resolved'
		FROM base_package b, collection c`)
	f.exec(b, `
		INSERT INTO resolution (package_id, collection_id, repo_id, dependency_priority)
		SELECT id, collection_id, 1, CASE WHEN base_id % 100 = 0 THEN 32 ELSE 0 END FROM package`)
	f.exec(b, `
		INSERT INTO build (package_id, origin, outcome, event, koji_build_id, version, release, started, finished)
		SELECT id, 'real', 'complete', 1, id, '1', '1', $1::timestamptz - random() * interval '3 days', $1 FROM package`, f.Now())
	f.exec(b, `
		UPDATE package p
		SET last_build_id = b.id, last_build_started = b.started, last_complete_build_id = b.id, last_complete_outcome = b.outcome
		FROM build b WHERE b.package_id = p.id`)
	f.exec(b, `VACUUM ANALYZE`)
	f.pass(b) // takes the lease and looks for lost tasks
	for b.Loop() {
		f.pass(b)
	}
	if got := f.query(b, `SELECT id::text FROM build WHERE origin = 'scratch'`); len(got) > 0 {
		b.Errorf("%d builds were submitted, want none", len(got))
	}
}
