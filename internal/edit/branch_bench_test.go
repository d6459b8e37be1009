package edit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// BenchmarkBranch branches a collection of 34,000 packages with a month of four
// builds each, over and over.
func BenchmarkBranch(b *testing.B) {
	cfg := pgtest.Database(b)
	db, console := pgtest.Open(b, cfg), pgtest.NewConsole(b, cfg)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	console.Exec(`INSERT INTO collection (name, display_name, target, dest_tag, build_tag) VALUES ('f0', 'Rawhide', 't', 't', 't')`)
	console.Exec(`INSERT INTO base_package (name) SELECT 'package' || i FROM generate_series(1, 34000) AS i`)
	console.Exec(`
		INSERT INTO package (base_id, collection_id, name, tracked)
		SELECT b.id, c.id, b.name, true FROM base_package b, collection c`)
	console.Exec(`
		INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, started, finished)
		SELECT p.id, 'scratch', 'complete', i, p.id * 4 + i, '1', '1', t, t
		FROM package p, generate_series(1, 4) AS i, LATERAL (SELECT $1::timestamptz - i * interval '5 days') AS at (t)`, now)
	console.Exec(`INSERT INTO applied_change (build_id, prev_build_id, prev, curr, distance) SELECT id, id, '{1}', '{2}', '{1}' FROM build`)
	console.Exec(`ANALYZE`)
	author := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: now}
	for i := 0; b.Loop(); i++ {
		_, err := db.BranchCollection(b.Context(), author, edit.Branch{
			Master: fmt.Sprintf("f%d", i), NewName: fmt.Sprintf("f%d", i+1),
			Target: "t", DestTag: "t", BuildTag: "t", DisplayName: "Fedora",
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
