package postgres_test

import (
	"testing"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// What numbers of collections were stored when nobody looked are mended, and can
// not be stored again, whoever writes.
func TestNumbersOfCollections(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Empty(t)
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.MigrateTo(t.Context(), 14); err != nil {
		t.Fatal(err)
	}
	sql := pgtest.NewConsole(t, cfg)
	const insert = `
		INSERT INTO collection (name, display_name, target, dest_tag, build_tag, build_group, priority_coefficient, weight)
		VALUES ($1, $1, $1, $1, $1, $1, $2::float8, $3::float8)`
	bad := [][3]string{{"a", "NaN", "1"}, {"b", "Infinity", "NaN"}, {"c", "1e308", "1e-320"}}
	sql.Exec(insert, "good", "0.5", "2")
	for _, values := range bad {
		sql.Exec(insert, values[0], values[1], values[2])
	}
	if err := db.Migrate(t.Context(), func(postgres.Migration) {}); err != nil {
		t.Fatal(err)
	}
	got := sql.Lines(`SELECT format('%s %s %s', name, priority_coefficient, weight) FROM collection ORDER BY name`)
	want := []string{"a 1 1", "b 1000 1", "c 1000 0.001", "good 0.5 2"}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("after the migration %q, want %q", got, want)
		}
	}
	pool := pgtest.Connect(t, cfg)
	for _, values := range bad {
		if _, err := pool.Exec(t.Context(), insert, values[0]+"2", values[1], values[2]); !postgres.Violates(err, "collection_numbers") {
			t.Errorf("%q: %v, want them refused", values, err)
		}
	}
}
