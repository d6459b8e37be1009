package pgtest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Sample is a small record for tests of packages that store: one collection,
// f43, whose packages are built once an hour. Its builders go by ids, and what
// follows from builds is brought up to date by the package that does it for all
// writers. The rest is done on its console.
type Sample struct {
	*Console

	DB         *DB
	Fenced     *Fenced // nil if the database is not of the newest schema
	Pool       *pgxpool.Pool
	Collection int64 // f43
	Event      int64 // that of the newest build
}

// NewSample returns a Sample without packages on a database of its own.
func NewSample(t testing.TB) *Sample {
	t.Helper()
	s := SampleIn(t, Database(t))
	s.Fenced = s.DB.Fenced(t)
	return s
}

// SampleIn adds f43 to the record in a database, of whatever schema.
func SampleIn(t testing.TB, cfg *pgxpool.Config) *Sample {
	t.Helper()
	console := NewConsole(t, cfg)
	s := &Sample{Console: console, DB: Open(t, cfg), Pool: console.pool}
	s.Collection = s.Number(`
		INSERT INTO collection (name, display_name, target, dest_tag, build_tag, latest_repo_id, latest_repo_resolved)
		VALUES ('f43', 'Fedora 43', 'f43', 'f43', 'f43-build', 1, 'resolved')
		RETURNING id`)
	return s
}

// SampleTime is an hour before the first build.
func SampleTime() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// Package adds a tracked package to the collection.
func (s *Sample) Package(name string) int64 {
	s.t.Helper()
	return s.Number(`
		WITH base AS (
			INSERT INTO base_package (name) VALUES ($2)
			ON CONFLICT (name) DO UPDATE SET name = excluded.name
			RETURNING id
		)
		INSERT INTO package (base_id, collection_id, name, tracked)
		SELECT id, $1, $2, true
		FROM base
		RETURNING id`, s.Collection, name)
}

// Build adds a scratch build of a package in repo 1, later than all others.
func (s *Sample) Build(pkg int64, outcome koschei.Outcome) int64 {
	s.t.Helper()
	s.Event++
	started := SampleTime().Add(time.Duration(s.Event) * time.Hour)
	var finished *time.Time
	if outcome.Ended() {
		end := started.Add(time.Minute)
		finished = &end
	}
	id := s.Number(`
		INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, started, finished, repo_id)
		VALUES ($1, 'scratch', $2, $3, $4, '1', '1', $5, $6, 1)
		RETURNING id`, pkg, string(outcome), s.Event, 1000+s.Event, started, finished)
	s.Refresh(pkg)
	return id
}

// Refresh brings up to date what follows from builds.
func (s *Sample) Refresh(pkgs ...int64) {
	s.t.Helper()
	err := s.DB.PG.Transact(s.t.Context(), func(tx pgx.Tx) error { return settle.RefreshLastBuilds(s.t.Context(), tx, pkgs) })
	if err != nil {
		s.t.Fatal(err)
	}
}

// NEVRA is a package of release 1 for x86_64.
func NEVRA(name, version string) rpm.NEVRA {
	return rpm.NEVRA{Name: name, EVR: rpm.EVR{Version: version, Release: "1"}, Arch: "x86_64"}
}

// Set interns packages and returns the set of them, each at the distance of its
// place in the list, up to 4.
func (s *Sample) Set(list ...rpm.NEVRA) depset.Set {
	s.t.Helper()
	ids, err := s.DB.Sets.Intern(s.t.Context(), list)
	if err != nil {
		s.t.Fatal(err)
	}
	members := []depset.Member{}
	for i, id := range ids {
		members = append(members, depset.Member{ID: id, Distance: uint8(min(i+1, 4))})
	}
	return depset.NewSet(members)
}

// BuiltWith stores what a build was made with.
func (s *Sample) BuiltWith(build int64, list ...rpm.NEVRA) {
	s.t.Helper()
	set := []built.BuildDependencies{{BuildID: build, Set: s.Set(list...)}}
	stored, err := s.Fenced.SaveBuildDependencies(context.WithoutCancel(s.t.Context()), set)
	if err != nil || stored != 1 {
		s.t.Fatalf("SaveBuildDependencies: %v, %v", stored, err)
	}
}

// Changes prints the applied changes of a build, one a line.
func (s *Sample) Changes(build int64) []string {
	s.t.Helper()
	return s.Lines(`
		SELECT coalesce(p.name || ' ' || p.version, 'none') || ' -> ' || coalesce(c.name || ' ' || c.version, 'none') || ' at ' || d.distance
		FROM applied_change a
		CROSS JOIN LATERAL unnest(a.prev, a.curr, a.distance) WITH ORDINALITY AS d (prev, curr, distance, n)
		LEFT JOIN nevra p ON p.id = d.prev
		LEFT JOIN nevra c ON c.id = d.curr
		WHERE a.build_id = $1
		ORDER BY d.n`, build)
}
