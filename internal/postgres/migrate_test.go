package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t, pgtest.Empty(t)).PG
	if err := db.Ready(t.Context()); !errors.Is(err, postgres.ErrSchemaOlder) {
		t.Errorf("an empty database is %v, want ErrSchemaOlder", err)
	}
	plan, err := db.PlanMigration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var done []postgres.Migration
	if err := db.Migrate(t.Context(), func(m postgres.Migration) { done = append(done, m) }); err != nil {
		t.Fatal(err)
	}
	if len(plan) == 0 || len(done) != len(plan) {
		t.Errorf("planned %d migrations and did %d", len(plan), len(done))
	}
	for i, m := range done {
		if m.Version != plan[i].Version || m.Name != plan[i].Name || !plan[i].Applied.IsZero() {
			t.Errorf("planned %v, did %v", plan[i], m)
		}
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("a migrated database: %v", err)
	}
	after, err := db.PlanMigration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range after {
		if m.Applied.IsZero() {
			t.Errorf("migration %d is still to do", m.Version)
		}
	}
}

// A record that an older program has filled is whole after each migration.
func TestMigrateFilled(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Empty(t)
	db := pgtest.Open(t, cfg).PG
	if err := db.MigrateTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	w := pgtest.SampleIn(t, cfg)
	want := map[string]bool{}
	for name, p := range map[string]struct {
		builds []koschei.Outcome
		edit   string
		want   bool
	}{
		"fine":        {[]koschei.Outcome{"complete"}, `resolution = 'resolved'`, true},
		"failing":     {[]koschei.Outcome{"complete", "failed"}, `resolution = 'resolved'`, true},
		"skipped":     {[]koschei.Outcome{"complete"}, `skip_resolution = true`, true},
		"running":     {[]koschei.Outcome{"complete", "running"}, `resolution = 'resolved'`, false},
		"unresolved":  {[]koschei.Outcome{"complete"}, `resolution = 'unresolved'`, false},
		"unattempted": {[]koschei.Outcome{"complete"}, `resolution = 'unattempted'`, false},
		"never-built": {nil, `resolution = 'resolved'`, false},
		"untracked":   {[]koschei.Outcome{"complete"}, `resolution = 'resolved', tracked = false`, false},
		"blocked":     {[]koschei.Outcome{"complete"}, `resolution = 'resolved', blocked = true`, false},
	} {
		pkg := w.Package(name)
		w.Exec(`UPDATE package SET `+p.edit+` WHERE id = $1`, pkg)
		for _, outcome := range p.builds {
			w.Build(pkg, outcome)
		}
		want[name] = p.want
	}
	w.Exec(`UPDATE package SET noted_state = state`)
	if err := db.Migrate(t.Context(), func(postgres.Migration) {}); err != nil {
		t.Fatal(err)
	}
	w.CheckInvariants()
	for name, want := range want {
		if got := w.Number(`SELECT count(*) FROM package WHERE name = $1 AND schedulable`, name) == 1; got != want {
			t.Errorf("package %s is schedulable: %v, want %v", name, got, want)
		}
	}
}

// Processes that start at the same time do the work once between them.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Empty(t)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		done = map[int64]int{}
	)
	for range 4 {
		db := pgtest.Open(t, cfg).PG
		wg.Go(func() {
			err := db.Migrate(t.Context(), func(m postgres.Migration) {
				mu.Lock()
				defer mu.Unlock()
				done[m.Version]++
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for version, times := range done {
		if times != 1 {
			t.Errorf("migration %d was done %d times", version, times)
		}
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	newest := postgres.NewestMigration()
	for _, test := range []struct {
		name string
		have int64
		want error
	}{
		{"same", newest, nil},
		{"newer, additive", newest + 1, nil},
		{"newer generation", 1000, postgres.ErrSchemaNewer},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := pgtest.Database(t)
			_, err := pgtest.Connect(t, cfg).Exec(t.Context(),
				"INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, true)", test.have)
			if err != nil {
				t.Fatal(err)
			}
			db := pgtest.Open(t, cfg).PG
			if err := db.Ready(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("Ready: %v, want %v", err, test.want)
			}
			if err := db.Migrate(t.Context(), func(postgres.Migration) {}); !errors.Is(err, test.want) {
				t.Errorf("Migrate: %v, want %v", err, test.want)
			}
		})
	}
}

// A program that meets an older schema says so once and goes on when
// somebody has migrated.
func TestAwaitSchema(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Empty(t)
	db := pgtest.Open(t, cfg).PG
	told := make(chan error, 2)
	done := make(chan error)
	go func() {
		done <- db.AwaitSchema(t.Context(), 5*time.Millisecond, func(err error) { told <- err })
	}()
	if err := <-told; !errors.Is(err, postgres.ErrSchemaOlder) {
		t.Errorf("told %v, want ErrSchemaOlder", err)
	}
	if err := pgtest.Open(t, cfg).PG.Migrate(t.Context(), func(postgres.Migration) {}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || len(told) > 0 {
		t.Errorf("AwaitSchema: %v, told %d times more", err, len(told))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := pgtest.Open(t, pgtest.Empty(t)).PG.AwaitSchema(ctx, time.Hour, func(error) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("AwaitSchema: %v, want context.Canceled", err)
	}
}
