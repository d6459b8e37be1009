package view_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/view"
)

// The usual order is read another way than any other, but is no other order:
// wherever a page begins it has what it has of the list as a whole.
func TestUsualUnifiedOrder(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, console := pgtest.Open(t, cfg), pgtest.NewConsole(t, cfg)
	console.Exec(`INSERT INTO collection (name, display_name, target, dest_tag, build_tag) SELECT 'c' || n, 'C', 't', 't', 't' FROM generate_series(1, 3) n`)
	console.Exec(`INSERT INTO base_package (name) SELECT 'p' || n * 37 % 100 FROM generate_series(1, 90) n`)
	console.Exec(`INSERT INTO package (base_id, collection_id, name, tracked, blocked, resolution)
		SELECT b.id, c.id, b.name, b.id % 11 <> 0 OR c.id = 2, b.id % 13 = 0, CASE WHEN (b.id + c.id) % 7 = 0 THEN 'unresolved' ELSE 'resolved' END
		FROM base_package b, collection c WHERE (b.id + c.id) % 5 <> 0`)
	console.Exec(`INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, started)
		SELECT id, 'scratch', 'running', 1, id, '1', '1', now() FROM package WHERE id % 17 = 0`)
	console.Exec(`UPDATE package p SET last_build_id = b.id FROM build b WHERE b.package_id = p.id`)

	plainly := append(view.UsualUnifiedOrder(), view.OrderKey{Key: "name"}) // the same, said otherwise
	for _, f := range []view.PackageFilter{
		{Collections: []int64{1, 2, 3}},
		{Collections: []int64{1, 3}, Untracked: true},
		{Collections: []int64{1, 2, 3}, Match: "1"},
		{Collections: []int64{1, 2, 3}, Running: true},
	} {
		all, _, err := db.Packages.Unified(t.Context(), f, plainly, view.Span{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if total, err := db.Packages.CountUnified(t.Context(), f); err != nil || total != len(all) || total == 0 {
			t.Errorf("%+v: counted %d, %v, but there are %d", f, total, err, len(all))
		}
		for offset := 0; offset < len(all)+10; offset += 7 {
			got, _, err := db.Packages.Unified(t.Context(), f, view.UsualUnifiedOrder(), view.Span{Limit: 10, Offset: offset})
			if err != nil {
				t.Fatal(err)
			}
			want := all[min(offset, len(all)):min(offset+10, len(all))]
			if diff := cmp.Diff(slices.Concat(want), slices.Concat(got)); diff != "" {
				t.Fatalf("%+v from %d on (-want +got):\n%s", f, offset, diff)
			}
		}
		forth, span := []view.UnifiedPackage{}, view.Span{Limit: 10}
		for {
			page, around, err := db.Packages.Unified(t.Context(), f, view.UsualUnifiedOrder(), span)
			if err != nil {
				t.Fatal(err)
			}
			if forth = append(forth, page...); !around.Further {
				break
			}
			span.After = throughAddress(t, around.Last)
			back, _, err := db.Packages.Unified(t.Context(), f, view.UsualUnifiedOrder(), view.Span{Limit: 5, Before: around.Last})
			if want := forth[max(0, len(forth)-6) : len(forth)-1]; err != nil || !cmp.Equal(slices.Concat(want), slices.Concat(back)) {
				t.Errorf("before %s: %v, %v, want %v", around.Last, back, err, want)
			}
		}
		if diff := cmp.Diff(all, forth); diff != "" {
			t.Errorf("%+v from page to page (-want +got):\n%s", f, diff)
		}
	}
}
