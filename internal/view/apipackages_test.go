package view_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/view"
)

// A list that is read in pieces is the list, whatever their length.
func TestAPIPackagesInPieces(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, sql := pgtest.Open(t, cfg), pgtest.NewConsole(t, cfg)
	sql.Exec(`INSERT INTO collection (name, display_name, target, dest_tag, build_tag, "order")
		SELECT c, c, c, c, c, o FROM (VALUES ('f43', 100), ('f44', 200), ('eln', 100)) v (c, o)`)
	sql.Exec(`INSERT INTO base_package (name) SELECT chr(ascii('a') + n) || CASE WHEN n % 3 = 0 THEN '+é' ELSE '' END FROM generate_series(0, 19) n`)
	sql.Exec(`INSERT INTO package (base_id, collection_id, name, tracked)
		SELECT b.id, c.id, b.name, true FROM base_package b, collection c WHERE b.id % 5 <> c.id`)
	for _, collections := range [][]string{nil, {"f44"}, {"eln", "f43"}, {"none"}} {
		whole, err := db.Packages.APIPackages(t.Context(), nil, collections, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int{1, 2, 7, len(whole), len(whole) + 1} {
			pieced := []view.APIPackage{}
			after := ""
			for {
				piece, err := db.Packages.APIPackages(t.Context(), nil, collections, after, max(limit, 1))
				if err != nil {
					t.Fatal(err)
				}
				if pieced = append(pieced, piece...); len(piece) < max(limit, 1) {
					break
				}
				after = piece[len(piece)-1].Name
			}
			if diff := cmp.Diff(whole, pieced); diff != "" {
				t.Errorf("%v by %d (-whole +pieces):\n%s", collections, limit, diff)
			}
		}
		if want := map[int]int{0: 48, 1: 16, 2: 32}[len(collections)]; len(whole) != want && (len(collections) == 0 || collections[0] != "none") {
			t.Errorf("%v: %d packages, want %d", collections, len(whole), want)
		}
	}
	some, err := db.Packages.APIPackages(t.Context(), []string{"b", "a+é"}, []string{"f44"}, "", 1000)
	if err != nil || len(some) == 0 || len(some) > 2 {
		t.Errorf("by name: %v, %v", some, err)
	}
}
