package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// TestNamesSortAlike: an index on a name serves a join with another table only
// if both are sorted alike. Queries are right without, but read whole tables.
func TestNamesSortAlike(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	pgtest.Open(t, cfg)
	got := pgtest.NewConsole(t, cfg).Lines(`
		SELECT table_name || ' ' || collation_name
		FROM information_schema.columns
		WHERE column_name = 'name' AND table_name IN ('base_package', 'package', 'nevra', 'srpm')
		ORDER BY table_name`)
	if diff := cmp.Diff([]string{"base_package C", "nevra C", "package C", "srpm C"}, got); diff != "" {
		t.Errorf("names of packages (-want +got):\n%s", diff)
	}
}
