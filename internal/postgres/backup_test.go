package postgres_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// What docs/operations/backup.md tells operators to do.
func TestBackup(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	pkg := w.Package("foo")
	w.BuiltWith(w.Build(pkg, "complete"), pgtest.NEVRA("glibc", "1"), pgtest.NEVRA("gcc", "1"))
	failed := w.Build(pkg, "failed")
	w.BuiltWith(failed, pgtest.NEVRA("glibc", "2"), pgtest.NEVRA("gcc", "1"))

	dump := filepath.Join(t.TempDir(), "koschei.dump")
	run(t, pgtest.SocketDir(t), "pg_dump", "--host=/proc/self/cwd", "--username=koschei", "--format=custom",
		"--compress=1", "--file="+dump, w.Pool.Config().ConnConfig.Database)

	restored := pgtest.Empty(t)
	restore := []string{
		"--host=/proc/self/cwd", "--username=koschei", "--dbname=" + restored.ConnConfig.Database,
		"--single-transaction", "--exit-on-error", "--no-owner",
	}
	run(t, pgtest.SocketDir(t), "pg_restore", append(restore, dump)...)
	compareRecords(t, w.Pool, pgtest.Connect(t, restored))
	// Over a database that has a schema already, as a new private cluster's has.
	run(t, pgtest.SocketDir(t), "pg_restore", append(restore, "--clean", "--if-exists", dump)...)
	compareRecords(t, w.Pool, pgtest.Connect(t, restored))

	db := pgtest.Open(t, restored)
	if err := db.PG.Ready(t.Context()); err != nil {
		t.Errorf("the restored schema: %v", err)
	}
	w2 := &pgtest.Sample{Console: pgtest.NewConsole(t, restored), DB: db, Collection: w.Collection, Event: w.Event}
	if diff := cmp.Diff(w.Changes(failed), w2.Changes(failed)); diff != "" {
		t.Errorf("restored changes of a build (-want +got):\n%s", diff)
	}
	w2.Build(w2.Package("bar"), "complete") // new ids do not collide with restored ones
}

// run runs one of PostgreSQL's client programs in dir.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		found, globErr := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
		if globErr != nil || len(found) == 0 {
			t.Skipf("there is no %s", name)
		}
		path = found[len(found)-1]
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PGOPTIONS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

func compareRecords(t *testing.T, want, got *pgxpool.Pool) {
	t.Helper()
	if diff := cmp.Diff(digests(t, want), digests(t, got)); diff != "" {
		t.Errorf("the restored record differs (-original +restored):\n%s", diff)
	}
}

// digests returns one text for the contents of each table.
func digests(t *testing.T, pool *pgxpool.Pool) map[string]string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, table := range tables {
		sql := fmt.Sprintf(`SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\n' ORDER BY t::text)), '') FROM %s t`,
			pgx.Identifier{table}.Sanitize())
		var digest string
		if err := pool.QueryRow(t.Context(), sql).Scan(&digest); err != nil {
			t.Fatal(err)
		}
		all[table] = digest
	}
	if len(slices.Collect(maps.Keys(all))) < 20 {
		t.Fatalf("only %d tables", len(all))
	}
	return all
}
