package view_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
)

// Sorting by priority in SQL is sorting by koschei.PriorityRules.Of, with
// those that have an obstacle last.
func TestListSortsByPriority(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, pool := pgtest.Open(t, cfg), pgtest.Connect(t, cfg)
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	must := func(sql string, args ...any) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	must(`INSERT INTO collection (name, display_name, target, dest_tag, build_tag, priority_coefficient, latest_repo_id, latest_repo_resolved)
		VALUES ('f44', 'F', 'f44', 'f44', 'f44', 0.7, 1, 'resolved')`)
	// Packages that differ in everything that counts.
	must(`INSERT INTO base_package (name) SELECT 'p' || n FROM generate_series(100, 163) n`)
	must(`INSERT INTO package (base_id, collection_id, name, tracked, skip_resolution, resolution, manual_priority, static_priority, build_priority)
		SELECT id, 1, name, id % 13 <> 0, id % 7 = 0, CASE WHEN id % 7 = 0 OR id % 11 = 0 THEN 'unattempted' WHEN id % 9 = 0 THEN 'unresolved' ELSE 'resolved' END,
			(id * 37) % 50, (id * 53) % 60 - 30, (id * 19) % 300
		FROM base_package`)
	must(`INSERT INTO resolution (package_id, collection_id, repo_id, dependency_priority) SELECT id, 1, 1, (id * 23) % 400 FROM package`)
	must(`INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, started, finished)
		SELECT id, 'scratch', 'complete', id, id, '1', '1', $1::timestamptz - (id * id % 500) * interval '1 hour', $1 FROM package WHERE id % 10 <> 0`, now)
	must(`UPDATE package p SET last_build_id = b.id, last_build_started = b.started, last_complete_outcome = 'complete',
		last_complete_build_id = CASE WHEN p.id % 8 <> 0 THEN b.id END FROM build b WHERE b.package_id = p.id`)
	c, err := db.View.Collection(t.Context(), "f44")
	if err != nil {
		t.Fatal(err)
	}
	rules := koschei.DefaultPriorityRules()
	for _, reverse := range []bool{false, true} {
		list, _, err := db.Packages.List(t.Context(), view.PackageFilter{Collections: []int64{c.ID}, Untracked: true},
			view.ListOrder{{Key: "current_priority", Reverse: reverse}}, view.Span{Limit: 100}, schema.Ranking{Rules: rules, Now: now})
		if err != nil || len(list) != 64 {
			t.Fatalf("got %d packages: %v", len(list), err)
		}
		var got []string
		obstructed := 0
		for _, p := range list {
			if len(p.Obstacles(c)) > 0 {
				obstructed++
				continue
			}
			if obstructed > 0 {
				t.Errorf("%s has no obstacle but comes after one that has", p.Name)
			}
			got = append(got, fmt.Sprintf("%020.9f %s", rules.Of(&p.PackageStatus, c, now).Total()+1000, p.Name))
		}
		if obstructed < 10 || len(got) < 20 {
			t.Fatalf("%d packages with and %d without an obstacle are no test", obstructed, len(got))
		}
		if !slices.IsSortedFunc(got, func(a, b string) int {
			if reverse {
				a, b = b, a
			}
			switch {
			case a[:20] > b[:20]:
				return -1
			case a[:20] < b[:20]:
				return 1
			}
			return 0
		}) {
			t.Errorf("reverse %v: not sorted by priority: %q", reverse, got)
		}
	}
}
