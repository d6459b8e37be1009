package record

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A PendingRepo is a repo that builds of a collection were made in whose
// dependencies are not known yet.
type PendingRepo struct {
	CollectionID int64
	RepoID       int64
	Known        int // builds whose SRPM's facts are stored
}

// PendingRepos returns the repos that builds wait to be resolved in, newest
// first.
func (rec *Record) PendingRepos(ctx context.Context) ([]PendingRepo, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT p.collection_id, b.repo_id, count(s.id)
		FROM build b
		JOIN package p ON p.id = b.package_id
		JOIN collection c ON c.id = p.collection_id
		LEFT JOIN srpm s ON s.hub = `+schema.SourceHub+` AND s.name = p.name AND s.version = b.version AND s.release = b.release
		WHERE b.deps = 'pending' AND b.repo_id IS NOT NULL
		GROUP BY b.repo_id, p.collection_id
		ORDER BY b.repo_id DESC, p.collection_id`)
	if err != nil {
		return nil, fmt.Errorf("reading repos of builds to resolve: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[PendingRepo])
}

// A PendingBuild is a build whose dependencies are to be found.
type PendingBuild struct {
	BuildID int64
	Name    string // of the package
	EVR     rpm.EVR
	Hub     koschei.Hub

	SRPMKnown bool // whether the facts of its SRPM are stored
	Needs
}

// PendingBuilds returns the builds of a collection that wait to be resolved in
// a repo, each package's in the order of their events.
func (rec *Record) PendingBuilds(ctx context.Context, collectionID, repoID int64) ([]PendingBuild, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT b.id, p.name, b.epoch, b.version, b.release, `+schema.SourceHub+`, s.id IS NOT NULL, s.build_requires, s.build_conflicts
		FROM build b
		JOIN package p ON p.id = b.package_id
		JOIN collection c ON c.id = p.collection_id
		LEFT JOIN srpm s ON s.hub = `+schema.SourceHub+` AND s.name = p.name AND s.version = b.version AND s.release = b.release
		WHERE b.deps = 'pending' AND b.repo_id = $2 AND p.collection_id = $1
		ORDER BY b.package_id, b.event, b.id`, collectionID, repoID)
	if err != nil {
		return nil, fmt.Errorf("reading builds to resolve in repo %d: %w", repoID, err)
	}
	builds, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (b PendingBuild, err error) {
		err = row.Scan(&b.BuildID, &b.Name, &b.EVR.Epoch, &b.EVR.Version, &b.EVR.Release, &b.Hub, &b.SRPMKnown, &b.BuildRequires, &b.BuildConflicts)
		return b, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading builds to resolve in repo %d: %w", repoID, err)
	}
	return builds, nil
}

// SaveBuildsUnresolved stores that the dependencies of builds cannot be
// installed in their repo. A package that is resolved and built at all, and
// whose last build is one of them, gets this build priority: it is worth a
// build as soon as its dependencies can be installed again. Builds whose
// dependencies are known already are left alone.
func (rec *Fenced) SaveBuildsUnresolved(ctx context.Context, buildIDs []int64, priority int) error {
	return rec.giveUpBuilds(ctx, buildIDs, koschei.DepsUnresolved, func(tx pgx.Tx, ids []int64) error {
		_, err := tx.Exec(ctx, `
			UPDATE package
			SET build_priority = $2
			WHERE last_build_id = ANY($1) AND tracked AND NOT blocked AND NOT skip_resolution`, ids, priority)
		return err
	})
}

// SaveBuildsUnavailable stores that it cannot be known what builds were made
// with: their repo is gone. Builds of which it is known are left alone.
func (rec *Fenced) SaveBuildsUnavailable(ctx context.Context, buildIDs []int64) error {
	return rec.giveUpBuilds(ctx, buildIDs, koschei.DepsUnavailable, func(pgx.Tx, []int64) error { return nil })
}

// giveUpBuilds stores that there will be no dependency set for builds.
func (rec *Record) giveUpBuilds(ctx context.Context, buildIDs []int64, deps koschei.DepsState, also func(pgx.Tx, []int64) error) error {
	err := rec.db.Transact(ctx, func(tx pgx.Tx) error {
		pending, err := built.LockPendingBuilds(ctx, tx, buildIDs)
		if err != nil {
			return err
		}
		ids := slices.Sorted(maps.Keys(pending))
		if _, err := tx.Exec(ctx, `UPDATE build SET deps = $2 WHERE id = ANY($1)`, ids, deps); err != nil {
			return err
		}
		if err := also(tx, ids); err != nil {
			return err
		}
		return settle.ResolveAgain(ctx, tx, ids)
	})
	if err != nil {
		return fmt.Errorf("storing that the dependencies of %d builds are %s: %w", len(buildIDs), deps, err)
	}
	return nil
}

// RepoWanted tells whether it matters to anybody what the builds of a
// collection were made with that wait to be resolved in a repo: whether one of
// them is what the changes of a package that is looked after are counted from.
func (rec *Record) RepoWanted(ctx context.Context, collectionID, repoID int64) (wanted bool, err error) {
	err = rec.db.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT 1
			FROM build b
			JOIN package p ON p.id = b.package_id
			WHERE b.deps = 'pending' AND b.repo_id = $2 AND p.collection_id = $1 AND p.tracked AND NOT p.blocked
				AND b.id IN (p.last_build_id, p.last_complete_build_id))`, collectionID, repoID).Scan(&wanted)
	if err != nil {
		return false, fmt.Errorf("reading whether repo %d is wanted: %w", repoID, err)
	}
	return wanted, nil
}

// SaveBuildDependencies stores what builds were made with, once and for good,
// their input identity, and what had changed since the build before each.
// Builds may be resolved in any order: the changes of the build after one are
// made anew. Builds whose dependencies are known already are left alone; the
// others are counted.
//
// A set of ids that are not interned any more is koschei.ErrConflict.
func (rec *Fenced) SaveBuildDependencies(ctx context.Context, builds []built.BuildDependencies) (stored int, err error) {
	err = rec.db.Transact(ctx, func(tx pgx.Tx) error {
		stored, err = rec.Sets.SaveBuildDependencies(ctx, tx, builds)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("storing the dependencies of %d builds: %w", len(builds), err)
	}
	return stored, nil
}
