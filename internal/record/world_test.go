package record_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A world is a small record, set up behind the back of what is tested.
type world struct {
	t          *testing.T
	db         *pgtest.DB
	fenced     *record.Fenced
	pool       *pgxpool.Pool
	collection int64
	event      int64
}

// newWorld has one collection, f43, and nothing in it.
func newWorld(t *testing.T) *world {
	t.Helper()
	cfg := pgtest.Database(t)
	w := &world{t: t, db: pgtest.Open(t, cfg), pool: pgtest.Connect(t, cfg)}
	w.fenced = pgtest.Fenced(t, w.db)
	w.collection = w.number(`
		INSERT INTO collection (name, display_name, target, dest_tag, build_tag, latest_repo_id, latest_repo_resolved)
		VALUES ('f43', 'Fedora 43', 'f43', 'f43', 'f43-build', 1, 'resolved')
		RETURNING id`)
	return w
}

// number runs a statement that returns one number.
func (w *world) number(sql string, args ...any) int64 {
	w.t.Helper()
	var n int64
	if err := w.pool.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// lines runs a statement that returns one column of text.
func (w *world) lines(sql string, args ...any) []string {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), sql, args...)
	if err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return lines
}

// exec runs a statement.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

// pkg adds a tracked package to the collection.
func (w *world) pkg(name string) int64 {
	w.t.Helper()
	return w.number(`
		WITH base AS (
			INSERT INTO base_package (name) VALUES ($2)
			ON CONFLICT (name) DO UPDATE SET name = excluded.name
			RETURNING id
		)
		INSERT INTO package (base_id, collection_id, name, tracked)
		SELECT id, $1, $2, true
		FROM base
		RETURNING id`, w.collection, name)
}

// build adds a scratch build of a package, later than all others.
func (w *world) build(pkg int64, outcome koschei.Outcome) int64 {
	w.t.Helper()
	w.event++
	return w.buildAt(pkg, outcome, w.event)
}

func (w *world) buildAt(pkg int64, outcome koschei.Outcome, event int64) int64 {
	w.t.Helper()
	started := testTime.Add(time.Duration(event) * time.Hour)
	var finished *time.Time
	if outcome.Ended() {
		end := started.Add(time.Minute)
		finished = &end
	}
	id := w.number(`
		INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, started, finished, repo_id)
		VALUES ($1, 'scratch', $2, $3, $4, '1', '1', $5, $6, 1)
		RETURNING id`, pkg, string(outcome), event, 1000+event, started, finished)
	w.refresh(pkg)
	return id
}

// refresh brings up to date what follows from builds.
func (w *world) refresh(pkgs ...int64) {
	w.t.Helper()
	if err := w.db.RefreshBuildsOf(w.t.Context(), pkgs); err != nil {
		w.t.Fatal(err)
	}
}

// set interns the packages "name-version" and returns the set of them, all at
// the distance of their place in the list, up to 4.
func (w *world) set(list ...rpm.NEVRA) depset.Set {
	w.t.Helper()
	ids, err := w.db.Intern(w.t.Context(), list)
	if err != nil {
		w.t.Fatal(err)
	}
	members := []depset.Member{}
	for i, id := range ids {
		members = append(members, depset.Member{ID: id, Distance: uint8(min(i+1, 4))})
	}
	return depset.NewSet(members)
}

// nevra returns a package of release 1 for x86_64.
func nevra(name, version string) rpm.NEVRA {
	return rpm.NEVRA{Name: name, EVR: rpm.EVR{Version: version, Release: "1"}, Arch: "x86_64"}
}

// builtWith stores what a build was made with.
func (w *world) builtWith(build int64, list ...rpm.NEVRA) {
	w.t.Helper()
	stored, err := w.fenced.SaveBuildDependencies(context.WithoutCancel(w.t.Context()), []built.BuildDependencies{{BuildID: build, Set: w.set(list...)}})
	if err != nil || stored != 1 {
		w.t.Fatalf("SaveBuildDependencies: %v, %v", stored, err)
	}
}
