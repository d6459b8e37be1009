package record

import (
	"context"
	"fmt"
	"time"

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
	Needs
	koschei.ArchHeader
}

// Needs are what a source package wants in its buildroot, and what it does not
// want there: relations or boolean dependencies as text.
type Needs struct {
	BuildRequires  []string
	BuildConflicts []string
	Whole          bool // the conflicts are known; those of earlier versions of the record are not
}

// SRPM returns what is stored of a source package; an error wraps
// koschei.ErrNotFound if that is nothing.
func (rec *Sources) SRPM(ctx context.Context, s Source) (*SRPM, error) {
	srpm := &SRPM{Source: s}
	err := rec.db.QueryRow(ctx, `
		SELECT build_requires, coalesce(build_conflicts, '{}'), build_conflicts IS NOT NULL, build_archs, exclusive_arch, exclude_arch
		FROM srpm
		WHERE hub = $1 AND name = $2 AND version = $3 AND release = $4`, s.Hub, s.Name, s.Version, s.Release).
		Scan(&srpm.BuildRequires, &srpm.BuildConflicts, &srpm.Whole, &srpm.BuildArchs, &srpm.ExclusiveArch, &srpm.ExcludeArch)
	if err != nil {
		return nil, postgres.NotFound(err, "facts of source package %s-%s-%s", s.Name, s.Version, s.Release)
	}
	return srpm, nil
}

// Needs returns what source packages need, by the ids of their facts.
func (rec *Sources) Needs(ctx context.Context, srpmIDs []int64) (map[int64]Needs, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT id, build_requires, coalesce(build_conflicts, '{}'), build_conflicts IS NOT NULL
		FROM srpm
		WHERE id = ANY($1)`, srpmIDs)
	if err != nil {
		return nil, fmt.Errorf("reading what source packages require: %w", err)
	}
	known := make(map[int64]Needs, len(srpmIDs))
	var id int64
	var n Needs
	_, err = pgx.ForEachRow(rows, []any{&id, &n.BuildRequires, &n.BuildConflicts, &n.Whole}, func() error {
		known[id], n = n, Needs{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what source packages require: %w", err)
	}
	return known, nil
}

// SaveSRPMs stores what source packages say. That never changes, so what is
// stored already stays, and is completed.
func (rec *Sources) SaveSRPMs(ctx context.Context, srpms []SRPM) error {
	err := rec.db.Transact(ctx, func(tx pgx.Tx) error {
		var batch pgx.Batch
		for i := range srpms {
			s := &srpms[i]
			batch.Queue(`
				WITH heard AS (
					DELETE FROM silent_source
					WHERE hub = @hub AND name = @name AND version = @version AND release = @release
				)
				INSERT INTO srpm (hub, name, version, release, build_requires, build_conflicts, build_archs, exclusive_arch, exclude_arch)
				VALUES (@hub, @name, @version, @release, @build_requires, @build_conflicts, @build_archs, @exclusive_arch, @exclude_arch)
				ON CONFLICT (hub, name, version, release) DO UPDATE
				SET build_conflicts = excluded.build_conflicts
				WHERE srpm.build_conflicts IS NULL`,
				pgx.NamedArgs{
					"hub": s.Hub, "name": s.Name, "version": s.Version, "release": s.Release,
					"build_requires": postgres.NotNil(s.BuildRequires), "build_conflicts": postgres.NotNil(s.BuildConflicts),
					"build_archs": postgres.NotNil(s.BuildArchs), "exclusive_arch": postgres.NotNil(s.ExclusiveArch),
					"exclude_arch": postgres.NotNil(s.ExcludeArch),
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
			WHERE p.collection_id = @collection AND NOT p.blocked
			UNION ALL
			SELECT p.name, p.last_complete_build_id
			FROM package p
			WHERE p.collection_id = @collection AND NOT p.blocked AND p.running -- the others were named`

// buildsAfter are a collection's builds that were recorded after a build.
const buildsAfter = `
			SELECT p.name, b.id AS build_id
			FROM build b
			JOIN package p ON p.id = b.package_id
			WHERE b.id > @after AND p.collection_id = @collection AND NOT p.blocked`

// MissingSRPMs returns the source packages of a collection's last builds, and
// of builds that wait to be resolved, of which not all is stored. Those that the
// hub said nothing about are left out until it is time to ask again. With the id of
// a build, only those of builds recorded after it are looked at, which is quick.
func (rec *Sources) MissingSRPMs(ctx context.Context, collectionID, after int64, now time.Time) ([]Source, error) {
	builds := lastBuildsOf
	if after != 0 {
		builds = buildsAfter
	}
	rows, err := rec.db.Query(ctx, `
		WITH wanted AS (`+builds+`
			UNION ALL
			SELECT p.name, b.id
			FROM build b
			JOIN package p ON p.id = b.package_id
			WHERE b.deps = 'pending' AND b.repo_id IS NOT NULL AND p.collection_id = @collection
			UNION ALL
			SELECT p.name, b.id
			FROM silent_source s
			JOIN package p ON p.collection_id = @collection AND p.name = s.name AND NOT p.blocked
			JOIN build b ON b.id IN (p.last_build_id, p.last_complete_build_id)
			WHERE s.again <= @now
		), source AS (
			SELECT `+schema.SourceHub+` AS hub, w.name, b.version, b.release
			FROM wanted w
			JOIN build b ON b.id = w.build_id
			JOIN collection c ON c.id = @collection
		)
		SELECT DISTINCT w.hub, w.name, w.version, w.release
		FROM source w
		WHERE NOT EXISTS (
			SELECT
			FROM srpm s
			WHERE s.hub = w.hub AND s.name = w.name AND s.version = w.version AND s.release = w.release
				AND s.build_conflicts IS NOT NULL)
			AND NOT EXISTS (
				SELECT
				FROM silent_source s
				WHERE s.hub = w.hub AND s.name = w.name AND s.version = w.version AND s.release = w.release AND s.again > @now)
		ORDER BY w.name, w.version, w.release`,
		pgx.NamedArgs{"collection": collectionID, "after": after, "now": now})
	if err != nil {
		return nil, fmt.Errorf("reading source packages of which nothing is known: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Source])
}

// How long it takes to ask again about a source that the hub said nothing about:
// its storage may have been away, or the build be of something without source.
const (
	silenceFirst   = 20 * time.Minute // and then twice as long each time
	silenceLongest = 24 * time.Hour
	silenceNone    = 7 * 24 * time.Hour // the build has no source package
)

// A SilentSource is one that the hub said nothing about.
type SilentSource struct {
	Source
	None bool // the build has no source package, as one of an image
}

// SaveSilentSources stores that the hub said nothing about sources, and returns
// those of which that is news.
func (rec *Sources) SaveSilentSources(ctx context.Context, sources []SilentSource, now time.Time) (news []SilentSource, err error) {
	err = rec.db.Transact(ctx, func(tx pgx.Tx) error {
		news = nil
		for i := range sources {
			s := &sources[i]
			var tries int
			err := tx.QueryRow(ctx, `
				INSERT INTO silent_source AS s (hub, name, version, release, tries, none, again)
				VALUES (@hub, @name, @version, @release, 1, @none, @now::timestamptz + CASE WHEN @none THEN @for_none::interval ELSE @first::interval END)
				ON CONFLICT (hub, name, version, release) DO UPDATE
				SET tries = s.tries + 1, none = excluded.none,
					again = @now::timestamptz + CASE WHEN @none THEN @for_none::interval
						ELSE least(@longest::interval, @first::interval * 2 ^ least(s.tries, 20)) END
				RETURNING tries`,
				pgx.NamedArgs{
					"hub": s.Hub, "name": s.Name, "version": s.Version, "release": s.Release, "none": s.None, "now": now,
					"first": silenceFirst, "longest": silenceLongest, "for_none": silenceNone,
				}).Scan(&tries)
			if err != nil {
				return err
			}
			if tries == 1 {
				news = append(news, *s)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("storing %d sources that nothing is said about: %w", len(sources), err)
	}
	return news, nil
}

// NewestBuild returns the highest id that a build has, 0 without any.
func (rec *Sources) NewestBuild(ctx context.Context) (id int64, err error) {
	err = rec.db.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM build`).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("reading the newest build: %w", err)
	}
	return id, nil
}
