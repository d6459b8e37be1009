package record_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/record"
)

// A plan is what EXPLAIN says of one step of a statement.
type plan struct {
	Kind  string  `json:"Node Type"`
	Rows  float64 `json:"Actual Rows"`
	Loops float64 `json:"Actual Loops"`
	Plans []plan
}

// read is how many rows of the arrays given to a statement were read in all.
func (p *plan) read() float64 {
	n := 0.0
	if p.Kind == "Function Scan" {
		n = p.Rows * p.Loops
	}
	for i := range p.Plans {
		n += p.Plans[i].read()
	}
	return n
}

// All that a large collection has tagged is compared while the database still
// believes that none of its packages has a build.
func TestTaggedBuildsAreReadOnce(t *testing.T) {
	t.Parallel()
	const packages = 2000
	w := newWorld(t)
	w.Exec(`ALTER TABLE package SET (autovacuum_enabled = false)`)
	w.Exec(`INSERT INTO base_package (name) SELECT 'p' || n FROM generate_series(1, $1::int) n`, packages)
	w.Exec(`INSERT INTO package (base_id, collection_id, name, tracked) SELECT id, $1, name, true FROM base_package`, w.Collection)
	w.Exec(`ANALYZE`)
	w.Exec(`
		INSERT INTO build (package_id, origin, outcome, event, hub, koji_build_id, version, release, started, finished, deps)
		SELECT id, 'real', 'complete', 1, 'primary', id, '1', '1', now(), now(), 'unavailable' FROM package`)
	w.Exec(`UPDATE package p SET last_build_id = b.id FROM build b WHERE b.package_id = p.id`)

	for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
		tx, err := w.Pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `SET LOCAL plan_cache_mode = `+mode); err != nil {
			t.Fatal(err)
		}
		var names, versions []string
		var ids, ones, zeros []int64
		err = tx.QueryRow(t.Context(), `
			SELECT array_agg(name), array_agg(id), array_agg(1::bigint), array_agg(0::bigint), array_agg('1'::text)
			FROM package`).Scan(&names, &ids, &ones, &zeros, &versions)
		if err != nil {
			t.Fatal(err)
		}
		rows, _ := tx.Query(t.Context(), `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) `+record.Retagged,
			pgx.NamedArgs{
				"collection": w.Collection, "hub": "primary", "names": names, "builds": ids, "events": ones, "epochs": zeros,
				"versions": versions, "releases": versions, "about": nil, "event": 1000,
			})
		explained, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[[]struct{ Plan plan }])
		if err != nil {
			t.Fatal(err)
		}
		if read := explained[0].Plan.read(); read > 4*packages {
			t.Errorf("%s: %d tagged builds were read %.0f times", mode, packages, read)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
