package view

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A PackagePage is everything about one package in one collection.
type PackagePage struct {
	Name   string
	Groups []string         // names of the global ones, sorted
	Others []StateElsewhere // in the other collections

	Package      *koschei.PackageStatus // nil, and nothing below is set, if the collection does not have it
	Awaited      bool                   // the last complete build was not taken into account yet
	Now          ResolutionNow
	Before       *BuildRef                   // the newest build whose set is known, with which Now is compared; nil if there is none
	Changes      Changes                     // from Before's set to the one of Now
	LastSuccess  *BuildRef                   // nil if there is none
	FirstFailure *BuildRef                   // after LastSuccess; nil if there is none
	Broke        Changes                     // from LastSuccess's set to FirstFailure's
	Sources      map[rpm.NEVRA]depset.Source // what the packages of Broke were made from, where that is known
	Unmet        []WantedUnmet               // what keeps it from being installed; what an update took away first

	History []HistoryEntry // newest first
	More    bool           // whether there are older entries
}

// Changes are those from one dependency set to another.
type Changes struct {
	Known bool // both sets are; nothing else is set if not
	Size  int  // packages of the second
	List  []koschei.Change
}

// A StateElsewhere is a package's state in another collection.
type StateElsewhere struct {
	CollectionID int64
	StateInside
	Since time.Time // zero if not known
}

// A ResolutionNow is what the latest repo says of a package's buildroot.
type ResolutionNow struct {
	Repo     koschei.Repo // the first that gave this answer; only its id if it is not kept; zero if none has
	Problems []string
	set      depset.Set // nil if it cannot be installed
}

// Page returns what there is to know of the package of that name in a
// collection. An error wraps ErrNotFound when no collection has such a package.
func (v *Packages) Page(ctx context.Context, name string, collectionID int64, hq HistoryQuery) (*PackagePage, error) {
	r := &packageReader{source: v.source, page: &PackagePage{Name: name}}
	err := r.read(ctx, collectionID, hq)
	if errors.Is(err, depset.ErrDamaged) { // what was not needed any more may be gone since the step before
		r.page = &PackagePage{Name: name}
		err = r.read(ctx, collectionID, hq)
	}
	if err != nil {
		return nil, fmt.Errorf("reading package %s: %w", name, err)
	}
	return r.page, nil
}

// A packageReader reads a page in three steps, each of which asks all its
// questions at once.
type packageReader struct {
	*source
	page  *PackagePage
	known map[int64]depset.Set // sets, by id
}

func (r *packageReader) read(ctx context.Context, collectionID int64, hq HistoryQuery) error {
	page, found := r.page, false
	batch := &pgx.Batch{}
	r.askBase(batch, &found)
	r.askPackage(batch, collectionID)
	r.askRefs(batch, collectionID)
	r.askUnmet(batch, collectionID)
	keys := askHistory(batch, page.Name, collectionID, hq)
	err := r.db.SendBatch(ctx, batch).Close()
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("package %q: %w", page.Name, koschei.ErrNotFound)
	case page.Package == nil:
		return nil
	}
	batch = &pgx.Batch{}
	records := askBuilds(batch, keys.builds(), hq.Changes)
	var refs []*BuildRef
	for _, ref := range []*BuildRef{page.Before, page.LastSuccess, page.FirstFailure} {
		if ref != nil {
			refs = append(refs, ref)
		}
	}
	r.known = askSets(batch, r.sets, refs...)
	if err := r.db.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return r.name(ctx, keys, records)
}

// name says what ids stand for.
func (r *packageReader) name(ctx context.Context, keys *historyKeys, records *buildRecords) (err error) {
	page, wanted := r.page, map[int32]bool{}
	records.wants(wanted)
	now, nowKnown := r.between(page.Before, page.Now.set)
	var broke difference
	brokeKnown := false
	if page.FirstFailure != nil {
		broke, brokeKnown = r.between(page.LastSuccess, r.known[page.FirstFailure.setID])
	}
	now.wants(wanted)
	broke.wants(wanted)
	names, err := r.names.of(ctx, r.db, wanted)
	if err != nil {
		return err
	}
	if nowKnown {
		page.Changes = Changes{Known: true, Size: len(page.Now.set)}
		if page.Changes.List, err = now.changes(names); err != nil {
			return err
		}
	}
	if brokeKnown {
		page.Broke = Changes{Known: true, Size: len(r.known[page.FirstFailure.setID])}
		if page.Broke.List, err = broke.changes(names); err != nil {
			return err
		}
	}
	if err := records.decode(names); err != nil {
		return err
	}
	page.History, page.More = keys.entries(records), keys.more()
	return r.addSources(ctx)
}

// addSources finds out which updates the packages belong to that changed before a
// package failed.
func (r *packageReader) addSources(ctx context.Context) (err error) {
	var nevras []rpm.NEVRA
	for _, c := range r.page.Broke.List {
		for _, n := range []*rpm.NEVRA{c.Prev, c.Curr} {
			if n != nil {
				nevras = append(nevras, *n)
			}
		}
	}
	if len(nevras) > 0 && r.page.Package.State() == koschei.StateFailing {
		r.page.Sources, err = r.sourcesOf(ctx, nevras)
	}
	return err
}

// askUnmet asks for what nothing provides that the package needs.
func (r *packageReader) askUnmet(batch *pgx.Batch, collectionID int64) {
	page := r.page
	batch.Queue(`
		SELECT `+unmetColumns+`, x.asked
		FROM unmet_package x
		JOIN unmet u ON u.id = x.unmet_id
		WHERE x.package_id = `+thisPackage+`
		ORDER BY u.why <> 'gone', u.id`, page.Name, collectionID).Query(func(rows pgx.Rows) (err error) {
		page.Unmet, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (w WantedUnmet, err error) {
			err = w.scan(row, &w.Asked)
			return w, err
		})
		return err
	})
}

// between is what a set has otherwise than the one of a build, if both are known.
func (r *packageReader) between(build *BuildRef, curr depset.Set) (d difference, known bool) {
	if build == nil || len(curr) == 0 {
		return difference{}, false
	}
	prev, ok := r.known[build.setID]
	if !ok {
		return difference{}, false
	}
	return differ(prev, curr), true
}

// askBase asks for what all collections share.
func (r *packageReader) askBase(batch *pgx.Batch, found *bool) {
	page := r.page
	batch.Queue(`
		SELECT ARRAY(SELECT g.name
				FROM package_group_member m
				JOIN package_group g ON g.id = m.group_id
				WHERE m.base_id = b.id AND g.namespace = ''
				ORDER BY g.name)
		FROM base_package b
		WHERE b.name = $1`, page.Name).QueryRow(func(row pgx.Row) error {
		err := row.Scan(&page.Groups)
		*found = err == nil
		return unlessNone(err)
	})
}

// thisPackage is the id of the package $1 in the collection $2.
const thisPackage = `(SELECT id FROM package WHERE name = $1 AND collection_id = $2)`

// askPackage asks for the package, and its state in the other collections.
func (r *packageReader) askPackage(batch *pgx.Batch, collectionID int64) {
	page := r.page
	batch.Queue(`
		SELECT collection_id, state, running, state_since
		FROM package
		WHERE name = $1 AND collection_id <> $2`, page.Name, collectionID).Query(func(rows pgx.Rows) (err error) {
		page.Others, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e StateElsewhere, err error) {
			var since *time.Time
			err = row.Scan(&e.CollectionID, &e.State, &e.Running, &since)
			e.Since = postgres.OrZero(since)
			return e, err
		})
		return err
	})
	batch.Queue(`
		SELECT `+schema.PackageColumns+`,
			p.last_complete_build_id IS NOT NULL AND NOT p.skip_resolution AND `+schema.Due+`,
			coalesce(a.repo_id, 0), coalesce(a.problems, '{}'), a.set_content, coalesce(r.create_event, 0), r.created
		FROM package p
		LEFT JOIN resolution a ON a.package_id = p.id
		LEFT JOIN repo r ON r.collection_id = p.collection_id AND r.repo_id = a.repo_id
		WHERE p.name = $1 AND p.collection_id = $2`, page.Name, collectionID).Query(func(rows pgx.Rows) error {
		k, err := pgx.CollectExactlyOneRow(rows, r.scanPackage)
		if err == nil {
			page.Package = &k
		}
		return unlessNone(err)
	})
}

func (r *packageReader) scanPackage(row pgx.CollectableRow) (k koschei.PackageStatus, err error) {
	now := &r.page.Now
	var content []byte
	var created *time.Time
	err = schema.ScanPackage(row, &k, &r.page.Awaited, &now.Repo.RepoID, &now.Problems, &content, &now.Repo.CreateEvent, &created)
	if err != nil {
		return k, err
	}
	now.Repo.CollectionID, now.Repo.Created = k.CollectionID, postgres.OrZero(created)
	if content != nil {
		now.set, err = r.sets.Decode(content)
	}
	return k, err
}

// askRefs asks for the builds that tell what became of the package.
func (r *packageReader) askRefs(batch *pgx.Batch, collectionID int64) {
	page := r.page
	batch.Queue(`
		WITH `+lastGood(thisPackage)+goodAndBad(thisPackage)+`
		UNION ALL
		SELECT 'before', `+buildRefColumns+`
		FROM package p
		JOIN build b ON b.id = (SELECT c.id `+schema.ComparedBuild+`)
		WHERE p.id = `+thisPackage, page.Name, collectionID).Query(func(rows pgx.Rows) error {
		var kind string
		var ref BuildRef
		_, err := pgx.ForEachRow(rows, append([]any{&kind}, ref.columns()...), func() error {
			found := ref
			switch kind {
			case "good":
				page.LastSuccess = &found
			case "bad":
				page.FirstFailure = &found
			default:
				page.Before = &found
			}
			return nil
		})
		return err
	})
}

// unlessNone is err, but nil when nothing was found.
func unlessNone(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}
