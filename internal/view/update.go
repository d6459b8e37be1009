package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// An Update is a source package of which a repo has other packages than the repo
// before it.
type Update struct {
	Source  string
	Before  string // version-release in the repo before; "" if it was not there, or is not known
	After   string // version-release in the repo; "" if it is gone, or is not known
	RepoID  int64
	Event   int64     // that the repo was made of
	Created time.Time // of the repo

	Binaries int // packages that changed
	Reached  int // packages whose buildroots it reached, in the first repo that had it
	Unmet    int // packages that could not be installed for want of what it took away
	Broke    int // packages that failed for the first time with something of it
}

const updateColumns = `x.source,
	coalesce((SELECT max(n.source_version) FROM nevra n WHERE n.id = ANY(x.prev) AND n.source = x.source), ''),
	coalesce((SELECT max(n.source_version) FROM nevra n WHERE n.id = ANY(x.curr) AND n.source = x.source), ''),
	x.repo_id, r.create_event, r.created, cardinality(x.curr), x.reached,
	(SELECT coalesce(sum(u.packages), 0) FROM unmet u WHERE u.collection_id = x.collection_id AND u.repo_id = x.repo_id AND u.source = x.source),
	(SELECT count(DISTINCT b.package_id)
		FROM applied_change a
		JOIN build b ON b.id = a.build_id
		JOIN package p ON p.id = b.package_id
		WHERE a.broke AND a.curr && array_remove(x.curr, 0) AND p.collection_id = x.collection_id)`

func (v *Repos) scanUpdate(row pgx.CollectableRow, more ...any) (u Update, reached depset.Set, err error) {
	var content []byte
	err = row.Scan(append([]any{
		&u.Source, &u.Before, &u.After, &u.RepoID, &u.Event, &u.Created, &u.Binaries, &content, &u.Unmet, &u.Broke,
	}, more...)...)
	if err == nil && content != nil {
		reached, err = v.sets.Decode(content)
		u.Reached = len(reached)
	}
	return u, reached, err
}

func (v *Repos) updates(ctx context.Context, q postgres.Querier, which string, args ...any) ([]Update, error) {
	rows, err := q.Query(ctx, `
		SELECT `+updateColumns+`
		FROM repo_change x
		JOIN repo r ON r.collection_id = x.collection_id AND r.repo_id = x.repo_id
		WHERE `+which, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Update, error) {
		u, _, err := v.scanUpdate(row)
		return u, err
	})
}

// Updates returns the updates that came to a collection with repos made since a
// domain time, the newest repos first; before is the repo event and the source at
// which to go on, if they are not zero.
func (v *Repos) Updates(ctx context.Context, collectionID int64, since time.Time, before UpdateKey, limit int) ([]Update, error) {
	updates, err := v.updates(ctx, v.db, `x.collection_id = $1 AND r.created >= $2
			AND ($3::bigint = 0 OR r.create_event < $3 OR r.create_event = $3 AND x.source > $4)
		ORDER BY r.create_event DESC, x.source
		LIMIT $5`, collectionID, since, before.Event, before.Source, limit)
	if err != nil {
		return nil, fmt.Errorf("reading updates: %w", err)
	}
	return updates, nil
}

// An UpdateKey is a place in the order of updates.
type UpdateKey struct {
	Event  int64
	Source string
}

// UpdatesIn returns the updates that came with a repo, by source.
func (v *Repos) UpdatesIn(ctx context.Context, collectionID, repoID int64, after string, limit int) ([]Update, error) {
	updates, err := v.updates(ctx, v.db, `x.collection_id = $1 AND x.repo_id = $2 AND x.source > $3 ORDER BY x.source LIMIT $4`,
		collectionID, repoID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading updates of repo %d: %w", repoID, err)
	}
	return updates, nil
}

// An Effect is what an update did to a package that it reached.
type Effect string

// The effects.
const (
	EffectBroke   Effect = "broke"   // it built before, and failed first with the update
	EffectMended  Effect = "mended"  // it failed before, and built first with the update
	EffectBuilds  Effect = "builds"  // it built before and with the update
	EffectFails   Effect = "fails"   // it failed before and with the update
	EffectWaiting Effect = "waiting" // it was not built with the update yet
)

// A ReachedPackage is a package whose buildroot has something of an update.
type ReachedPackage struct {
	Package  string
	State    koschei.State // now
	Distance int           // the nearest of what the update changed; koschei.NoDistance if it is far
	Effect   Effect
	BuildID  int64 // the first that had the update; 0 while there is none
	Fault    string
}

// An UpdatePage is everything about one update.
type UpdatePage struct {
	Update
	Repo     koschei.Repo
	Changes  []koschei.Change // of its binary packages, without distances
	Others   int              // other sources that changed in the same repo
	Packages []ReachedPackage // the nearest first, of tracked ones that are not blocked; no more than reachedLooked
	Unmet    []Unmet          // what it took away
	History  []Update         // of the source in this collection, the newest first, this one among them
}

const (
	reachedLooked = 2000 // packages reached by an update that are looked at
	unmetLooked   = 50
	updatesOfOne  = 10
	changesOfOne  = 500
)

// Update returns what is known of the newest update of a source in a
// collection, or of the one to a version-release. An error wraps
// koschei.ErrNotFound when there is none.
func (v *Repos) Update(ctx context.Context, collectionID int64, source, version string) (*UpdatePage, error) {
	page := &UpdatePage{}
	err := v.db.Read(ctx, func(q postgres.Querier) (err error) {
		page.History, err = v.updates(ctx, q, `x.collection_id = $1 AND x.source = $2
			ORDER BY r.create_event DESC
			LIMIT $3`, collectionID, source, updatesOfOne)
		if err != nil {
			return err
		}
		if err := v.readUpdate(ctx, q, page, collectionID, source, version); err != nil {
			return err
		}
		page.Repo, err = schema.ReadRepo(ctx, q, collectionID, page.RepoID)
		return err
	})
	if err == nil {
		page.Unmet, err = v.unmetSince(ctx, collectionID, page.RepoID, source, unmetLooked)
	}
	switch {
	case errors.Is(err, koschei.ErrNotFound):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("reading updates of %s: %w", source, err)
	}
	return page, nil
}

func (v *Repos) readUpdate(ctx context.Context, q postgres.Querier, page *UpdatePage, collectionID int64, source, version string) error {
	rows, err := q.Query(ctx, `
		SELECT `+updateColumns+`, x.prev[:@changes], x.curr[:@changes],
			(SELECT count(*) - 1 FROM repo_change o WHERE o.collection_id = x.collection_id AND o.repo_id = x.repo_id)
		FROM repo_change x
		JOIN repo r ON r.collection_id = x.collection_id AND r.repo_id = x.repo_id
		WHERE x.collection_id = @collection AND x.source = @source
			AND (@version = '' OR EXISTS (
				SELECT FROM nevra n WHERE n.id = ANY(x.curr) AND n.source = x.source AND n.source_version = @version))
		ORDER BY r.create_event DESC
		LIMIT 1`, pgx.NamedArgs{"collection": collectionID, "source": source, "version": version, "changes": changesOfOne})
	if err != nil {
		return err
	}
	var coded schema.CodedChanges
	var reached depset.Set
	page.Update, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (u Update, err error) {
		u, reached, err = v.scanUpdate(row, &coded.Prev, &coded.Curr, &page.Others)
		return u, err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("an update of %s: %w", source, koschei.ErrNotFound)
	}
	if err != nil {
		return err
	}
	if page.Changes, err = changesOf(ctx, q, coded); err != nil {
		return err
	}
	page.Packages, err = reachedPackages(ctx, q, collectionID, page.Event, reached)
	return err
}

// reachedPackages looks at the packages nearest to an update.
func reachedPackages(ctx context.Context, q postgres.Querier, collectionID, event int64, reached depset.Set) ([]ReachedPackage, error) {
	slices.SortStableFunc(reached, func(a, b depset.Member) int { return cmp.Compare(a.Distance-1, b.Distance-1) }) // 0 last
	reached = reached[:min(len(reached), reachedLooked)]
	ids, distances := make([]int64, len(reached)), make([]int16, len(reached))
	for i, m := range reached {
		ids[i], distances[i] = int64(m.ID), int16(m.Distance)
	}
	rows, err := q.Query(ctx, `
		SELECT p.name, p.state, w.distance,
			CASE WHEN first.id IS NULL THEN 'waiting'
				WHEN first.outcome = 'complete' THEN CASE WHEN last.outcome = 'failed' THEN 'mended' ELSE 'builds' END
				WHEN last.outcome = 'failed' THEN 'fails'
				ELSE 'broke' END,
			coalesce(first.id, 0), `+whyFailed("first")+`
		FROM unnest($3::bigint[], $4::smallint[]) WITH ORDINALITY AS w (id, distance, place)
		JOIN package p ON p.id = w.id
		LEFT JOIN LATERAL (
			SELECT b.id, b.event, b.outcome, b.fault
			FROM build b
			JOIN repo r ON r.collection_id = $1 AND r.repo_id = b.repo_id
			WHERE b.package_id = p.id AND b.event >= $2 AND r.create_event >= $2 AND b.outcome IN ('complete', 'failed')
			ORDER BY b.event, b.id
			LIMIT 1
		) first ON true
		LEFT JOIN LATERAL (
			SELECT b.outcome
			FROM build b
			WHERE b.package_id = p.id AND (b.event, b.id) < (first.event, first.id) AND b.outcome IN ('complete', 'failed')
			ORDER BY b.event DESC, b.id DESC
			LIMIT 1
		) last ON true
		WHERE p.tracked AND NOT p.blocked
		ORDER BY w.place, p.name`, collectionID, event, ids, distances)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[ReachedPackage])
}

// Effects counts the packages by effect.
func (p *UpdatePage) Effects() map[Effect]int {
	counts := map[Effect]int{}
	for i := range p.Packages {
		counts[p.Packages[i].Effect]++
	}
	return counts
}
