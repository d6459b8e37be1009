package view

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A PackagePage is everything about one package in one collection.
type PackagePage struct {
	Name   string
	Groups []koschei.Group  // global ones, by name
	Others []StateElsewhere // in the other collections

	Package      *koschei.PackageStatus // nil, and nothing below is set, if the collection does not have it
	Repos        ReposBehind
	Now          ResolutionNow
	Before       ComparedBuild
	LastSuccess  *BuildRef // nil if there is none
	FirstFailure *BuildRef // after LastSuccess; nil if there is none

	History []HistoryEntry // newest first
	More    bool           // whether there are older entries
}

// A StateElsewhere is a package's state in another collection.
type StateElsewhere struct {
	CollectionID int64
	StateInside
	Since time.Time // zero if not known
}

// ReposBehind tells how new the repo is that a package's state is about.
type ReposBehind struct {
	Fresh   koschei.Freshness // of the collection
	Since   int               // repos looked at since the one of Before
	Awaited bool              // the last complete build was not taken into account yet
}

// A ResolutionNow is what the latest repo says of a package's buildroot.
type ResolutionNow struct {
	Repo     koschei.Repo // the first that gave this answer; zero if none has
	Problems []string
	Set      []koschei.Dependency // empty if it cannot be installed
}

// A ComparedBuild is the newest build whose dependency set is known, by which
// later changes can be told.
type ComparedBuild struct {
	Build *BuildRef // nil if there is none
	Set   []koschei.Dependency
}

// A BuildRef is a build as others mention it.
type BuildRef struct {
	ID      int64
	Outcome koschei.Outcome
	Origin  koschei.Origin
	EVR     rpm.EVR
	RepoID  int64 // 0 while not known
	Event   int64
	Started time.Time

	setID int64
}

// DepsKnown says whether the build's dependency set is stored.
func (b *BuildRef) DepsKnown() bool { return b.setID != 0 }

const buildRefColumns = "b.id, b.outcome, b.origin, b.epoch, b.version, b.release, coalesce(b.repo_id, 0), b.event, b.started, coalesce(b.dependency_set_id, 0)"

// readBuildRef returns nil if the statement, that selects buildRefColumns,
// finds nothing.
func readBuildRef(row pgx.Row) (*BuildRef, error) {
	b := &BuildRef{}
	err := row.Scan(&b.ID, &b.Outcome, &b.Origin, &b.EVR.Epoch, &b.EVR.Version, &b.EVR.Release, &b.RepoID, &b.Event, &b.Started, &b.setID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return b, err
}

// PackagePage returns what there is to know of the package of that name in a
// collection. An error wraps ErrNotFound when no collection has such a package.
func (v *View) PackagePage(ctx context.Context, name string, collectionID int64, hq HistoryQuery) (*PackagePage, error) {
	page := &PackagePage{Name: name}
	err := v.db.Read(ctx, func(q postgres.Querier) error {
		baseID, err := readBase(ctx, q, page)
		if err != nil {
			return err
		}
		if err := readElsewhere(ctx, q, page, baseID, collectionID); err != nil {
			return err
		}
		if page.Package, err = readPagePackage(ctx, q, baseID, collectionID); err != nil || page.Package == nil {
			return err
		}
		if err := v.readBuildroots(ctx, q, page); err != nil {
			return err
		}
		page.History, page.More, err = history(ctx, q, page.Package.ID, hq)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading package %s: %w", name, err)
	}
	return page, nil
}

func readBase(ctx context.Context, q postgres.Querier, page *PackagePage) (baseID int64, err error) {
	err = q.QueryRow(ctx, `SELECT id FROM base_package WHERE name = $1`, page.Name).Scan(&baseID)
	if err != nil {
		return 0, postgres.NotFound(err, "package %q", page.Name)
	}
	rows, err := q.Query(ctx, `
		SELECT g.id, g.namespace, g.name
		FROM package_group_member m
		JOIN package_group g ON g.id = m.group_id
		WHERE m.base_id = $1 AND g.namespace = ''
		ORDER BY g.name`, baseID)
	if err != nil {
		return 0, err
	}
	page.Groups, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (g koschei.Group, err error) {
		err = row.Scan(&g.ID, &g.Namespace, &g.Name)
		return g, err
	})
	return baseID, err
}

func readElsewhere(ctx context.Context, q postgres.Querier, page *PackagePage, baseID, collectionID int64) error {
	rows, err := q.Query(ctx, `
		SELECT collection_id, state, running, state_since
		FROM package
		WHERE base_id = $1 AND collection_id <> $2`, baseID, collectionID)
	if err != nil {
		return err
	}
	page.Others, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e StateElsewhere, err error) {
		var since *time.Time
		err = row.Scan(&e.CollectionID, &e.State, &e.Running, &since)
		e.Since = postgres.OrZero(since)
		return e, err
	})
	return err
}

// readPagePackage returns nil if the collection does not have the package.
func readPagePackage(ctx context.Context, q postgres.Querier, baseID, collectionID int64) (*koschei.PackageStatus, error) {
	rows, err := q.Query(ctx, `
		SELECT `+schema.PackageColumns+`
		FROM package p
		LEFT JOIN resolution a ON a.package_id = p.id
		WHERE p.base_id = $1 AND p.collection_id = $2`, baseID, collectionID)
	if err != nil {
		return nil, err
	}
	p, err := pgx.CollectExactlyOneRow(rows, schema.RowToPackage)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &p, err
}

// readBuildroots reads what the package's buildroot is now and was at its
// builds.
func (v *View) readBuildroots(ctx context.Context, q postgres.Querier, page *PackagePage) (err error) {
	p := page.Package
	page.LastSuccess, err = readBuildRef(q.QueryRow(ctx, `
		SELECT `+buildRefColumns+`
		FROM build b
		WHERE b.package_id = $1 AND b.outcome = 'complete' AND NOT b.untagged
		ORDER BY b.event DESC, b.id DESC
		LIMIT 1`, p.ID))
	if err != nil {
		return err
	}
	since := postgres.OrZero(page.LastSuccess)
	page.FirstFailure, err = readBuildRef(q.QueryRow(ctx, `
		SELECT `+buildRefColumns+`
		FROM build b
		WHERE b.package_id = $1 AND b.outcome = 'failed' AND NOT b.untagged AND (b.event, b.id) > ($2, $3)
		ORDER BY b.event, b.id
		LIMIT 1`, p.ID, since.Event, since.ID))
	if err != nil {
		return err
	}
	page.Before.Build, err = readBuildRef(q.QueryRow(ctx, `
		SELECT `+buildRefColumns+`
		FROM package p
		JOIN build b ON b.id = (SELECT c.id `+schema.ComparedBuild+`)
		WHERE p.id = $1`, p.ID))
	if err != nil {
		return err
	}
	if page.Before.Build != nil {
		if page.Before.Set, err = v.pageSet(ctx, q, page.Before.Build.setID); err != nil {
			return err
		}
	}
	if err := v.readResolutionNow(ctx, q, page); err != nil {
		return err
	}
	return readReposBehind(ctx, q, page)
}

func (v *View) readResolutionNow(ctx context.Context, q postgres.Querier, page *PackagePage) error {
	var repoID int64
	var content []byte
	err := q.QueryRow(ctx, `
		SELECT repo_id, set_content, problems
		FROM resolution
		WHERE package_id = $1`, page.Package.ID).Scan(&repoID, &content, &page.Now.Problems)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if page.Now.Repo, err = schema.ReadRepo(ctx, q, page.Package.CollectionID, repoID); err != nil {
		return err
	}
	if content == nil {
		return nil
	}
	set, err := v.sets.Decode(content)
	if err != nil {
		return err
	}
	page.Now.Set, err = schema.Dependencies(ctx, q, set)
	return err
}

func readReposBehind(ctx context.Context, q postgres.Querier, page *PackagePage) error {
	before := postgres.OrZero(page.Before.Build)
	err := q.QueryRow(ctx, `
		SELECT
			(SELECT count(*)
				FROM repo r
				JOIN repo b ON b.collection_id = c.id AND b.repo_id = $2
				WHERE r.collection_id = c.id AND r.create_event > b.create_event AND r.create_event <= c.latest_repo_event),
			p.last_complete_build_id IS NOT NULL AND NOT p.skip_resolution
				AND `+schema.Due+`
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		WHERE p.id = $1`, page.Package.ID, before.RepoID).Scan(&page.Repos.Since, &page.Repos.Awaited)
	if err != nil {
		return err
	}
	fresh, err := schema.ReadFreshness(ctx, q, page.Package.CollectionID)
	page.Repos.Fresh = fresh[page.Package.CollectionID]
	return err
}

// pageSet is the dependency set with this id, of which the record holds a
// reference.
func (v *View) pageSet(ctx context.Context, q postgres.Querier, id int64) ([]koschei.Dependency, error) {
	sets, err := schema.LoadSets(ctx, q, v.sets, []int64{id})
	if err != nil {
		return nil, err
	}
	return schema.Dependencies(ctx, q, sets[id])
}
