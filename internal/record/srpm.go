package record

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A Source names the source package of a build at a hub.
type Source struct {
	Hub     koschei.Hub
	Name    string
	Version string
	Release string
}

// An SRPM is what a source package says.
type SRPM struct {
	Source
	BuildRequires []string // relations or boolean dependencies as text
	koschei.ArchHeader
}

// SRPM returns what is stored of a source package; an error wraps
// koschei.ErrNotFound if that is nothing.
func (rec *Record) SRPM(ctx context.Context, s Source) (*SRPM, error) {
	srpm := &SRPM{Source: s}
	err := rec.db.QueryRow(ctx, `
		SELECT build_requires, build_archs, exclusive_arch, exclude_arch
		FROM srpm
		WHERE hub = $1 AND name = $2 AND version = $3 AND release = $4`, s.Hub, s.Name, s.Version, s.Release).
		Scan(&srpm.BuildRequires, &srpm.BuildArchs, &srpm.ExclusiveArch, &srpm.ExcludeArch)
	if err != nil {
		return nil, postgres.NotFound(err, "facts of source package %s-%s-%s", s.Name, s.Version, s.Release)
	}
	return srpm, nil
}

// BuildRequires returns what source packages require, by the ids of their facts.
func (rec *Record) BuildRequires(ctx context.Context, srpmIDs []int64) (map[int64][]string, error) {
	rows, err := rec.db.Query(ctx, `SELECT id, build_requires FROM srpm WHERE id = ANY($1)`, srpmIDs)
	if err != nil {
		return nil, fmt.Errorf("reading what source packages require: %w", err)
	}
	known := make(map[int64][]string, len(srpmIDs))
	var id int64
	var requires []string
	_, err = pgx.ForEachRow(rows, []any{&id, &requires}, func() error {
		known[id], requires = requires, nil
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what source packages require: %w", err)
	}
	return known, nil
}

// SaveSRPMs stores what source packages say. That never changes, so what is
// stored already stays.
func (rec *Record) SaveSRPMs(ctx context.Context, srpms []SRPM) error {
	err := rec.db.Transact(ctx, func(tx pgx.Tx) error {
		var batch pgx.Batch
		for i := range srpms {
			s := &srpms[i]
			batch.Queue(`
				INSERT INTO srpm (hub, name, version, release, build_requires, build_archs, exclusive_arch, exclude_arch)
				VALUES (@hub, @name, @version, @release, @build_requires, @build_archs, @exclusive_arch, @exclude_arch)
				ON CONFLICT (hub, name, version, release) DO NOTHING`,
				pgx.NamedArgs{
					"hub": s.Hub, "name": s.Name, "version": s.Version, "release": s.Release,
					"build_requires": postgres.NotNil(s.BuildRequires), "build_archs": postgres.NotNil(s.BuildArchs),
					"exclusive_arch": postgres.NotNil(s.ExclusiveArch), "exclude_arch": postgres.NotNil(s.ExcludeArch),
				})
		}
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
		return postgres.Wake(ctx, tx, 0, koschei.ServiceBuildResolver, koschei.ServiceRepoResolver)
	})
	if err != nil {
		return fmt.Errorf("storing facts of %d source packages: %w", len(srpms), err)
	}
	return nil
}

// lastBuildsOf are the last builds of a collection's packages, and the last that
// are complete.
const lastBuildsOf = `
			SELECT p.name, p.last_build_id AS build_id
			FROM package p
			WHERE p.collection_id = $1 AND NOT p.blocked
			UNION ALL
			SELECT p.name, p.last_complete_build_id
			FROM package p
			WHERE p.collection_id = $1 AND NOT p.blocked AND p.running -- the others were named`

// buildsAfter are a collection's builds that were recorded after a build.
const buildsAfter = `
			SELECT p.name, b.id AS build_id
			FROM build b
			JOIN package p ON p.id = b.package_id
			WHERE b.id > $2 AND p.collection_id = $1 AND NOT p.blocked`

// MissingSRPMs returns the source packages of a collection's last builds, and
// of builds that wait to be resolved, of which nothing is stored. With the id of
// a build, only those of builds recorded after it are looked at, which is quick.
func (rec *Record) MissingSRPMs(ctx context.Context, collectionID, after int64) ([]Source, error) {
	builds, args := lastBuildsOf, []any{collectionID}
	if after != 0 {
		builds, args = buildsAfter, append(args, after)
	}
	rows, err := rec.db.Query(ctx, `
		WITH wanted AS (`+builds+`
			UNION ALL
			SELECT p.name, b.id
			FROM build b
			JOIN package p ON p.id = b.package_id
			WHERE b.deps = 'pending' AND b.repo_id IS NOT NULL AND p.collection_id = $1
		), source AS (
			SELECT `+schema.SourceHub+` AS hub, w.name, b.version, b.release
			FROM wanted w
			JOIN build b ON b.id = w.build_id
			JOIN collection c ON c.id = $1
		)
		SELECT DISTINCT w.hub, w.name, w.version, w.release
		FROM source w
		WHERE NOT EXISTS (
			SELECT
			FROM srpm s
			WHERE s.hub = w.hub AND s.name = w.name AND s.version = w.version AND s.release = w.release)
		ORDER BY w.name, w.version, w.release`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading source packages of which nothing is known: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Source])
}

// NewestBuild returns the highest id that a build has, 0 without any.
func (rec *Record) NewestBuild(ctx context.Context) (id int64, err error) {
	err = rec.db.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM build`).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("reading the newest build: %w", err)
	}
	return id, nil
}
