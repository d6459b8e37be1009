package view

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A CollectionGroup is a set of collections that pages show together.
type CollectionGroup struct {
	DisplayName string
	Members     []int64
}

// A CollectionsPage is what the overview of collections says of each.
type CollectionsPage struct {
	Groups []CollectionGroup
	Counts map[int64]PackageCounts // of tracked packages that are not blocked, by collection
}

// CollectionsPage returns the groups of collections and how the packages of
// each collection divide by state.
func (v *View) CollectionsPage(ctx context.Context) (*CollectionsPage, error) {
	page := &CollectionsPage{Counts: map[int64]PackageCounts{}}
	err := v.db.Read(ctx, func(q postgres.Querier) error {
		rows, err := q.Query(ctx, `
			SELECT g.display_name, array_agg(m.collection_id ORDER BY c."order" DESC, c.name DESC)
			FROM collection_group g
			JOIN collection_group_member m ON m.group_id = g.id
			JOIN collection c ON c.id = m.collection_id
			GROUP BY g.id
			ORDER BY g.name`)
		if err != nil {
			return err
		}
		if page.Groups, err = pgx.CollectRows(rows, pgx.RowToStructByPos[CollectionGroup]); err != nil {
			return err
		}
		return countCollections(ctx, q, page.Counts)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the collections page: %w", err)
	}
	return page, nil
}

func countCollections(ctx context.Context, q postgres.Querier, counts map[int64]PackageCounts) error {
	rows, err := q.Query(ctx, `
		SELECT collection_id, state, count(*), count(*) FILTER (WHERE running)
		FROM package
		WHERE NOT blocked AND state <> 'untracked'
		GROUP BY collection_id, state`)
	if err != nil {
		return err
	}
	var collection int64
	var state koschei.State
	var n, running int
	_, err = pgx.ForEachRow(rows, []any{&collection, &state, &n, &running}, func() error {
		c, ok := counts[collection]
		if !ok {
			c.ByState = map[koschei.State]int{}
		}
		c.ByState[state] = n
		c.Running += running
		counts[collection] = c
		return nil
	})
	return err
}

// A CollectionPage is what there is to know of a collection besides itself.
type CollectionPage struct {
	Groups  []CollectionGroup
	Counts  PackageCounts  // of tracked packages that are not blocked
	Repos   []koschei.Repo // newest first
	Fresh   koschei.Freshness
	Changes []RepoChange // of the latest repo, against the one before it
	Changed int          // source packages that changed; Changes has no more than were asked for
}

// A RepoChange is what became of the binary packages of a source package.
type RepoChange struct {
	Source  string
	Changes []koschei.Change // without distances
}

// CollectionPage returns the collection's newest repos and the first changes,
// by source, of the latest that was looked at.
func (v *View) CollectionPage(ctx context.Context, c *koschei.Collection, repos, changes int) (*CollectionPage, error) {
	page := &CollectionPage{}
	err := v.db.Read(ctx, func(q postgres.Querier) (err error) {
		counted, err := countPackages(ctx, q, PackageFilter{Collections: []int64{c.ID}})
		if err != nil {
			return err
		}
		page.Counts = counted.summary()
		if page.Groups, err = groupsOfCollection(ctx, q, c.ID); err != nil {
			return err
		}
		rows, err := q.Query(ctx, `
			SELECT `+schema.RepoColumns+`
			FROM repo r
			WHERE r.collection_id = $1
			ORDER BY r.create_event DESC, r.repo_id DESC
			LIMIT $2`, c.ID, repos)
		if err != nil {
			return err
		}
		if page.Repos, err = pgx.CollectRows(rows, schema.ScanRepo); err != nil {
			return err
		}
		fresh, err := schema.ReadFreshness(ctx, q, c.ID)
		if err != nil {
			return err
		}
		page.Fresh = fresh[c.ID]
		return readRepoChanges(ctx, q, page, c, changes)
	})
	if err != nil {
		return nil, fmt.Errorf("reading collection %s: %w", c.Name, err)
	}
	return page, nil
}

func groupsOfCollection(ctx context.Context, q postgres.Querier, id int64) ([]CollectionGroup, error) {
	rows, err := q.Query(ctx, `
		SELECT g.display_name, array_agg(m.collection_id)
		FROM collection_group g
		JOIN collection_group_member m ON m.group_id = g.id
		WHERE g.id IN (SELECT group_id FROM collection_group_member WHERE collection_id = $1)
		GROUP BY g.id
		ORDER BY g.name`, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[CollectionGroup])
}

func readRepoChanges(ctx context.Context, q postgres.Querier, page *CollectionPage, c *koschei.Collection, limit int) error {
	rows, err := q.Query(ctx, `
		SELECT source, prev, curr, count(*) OVER ()
		FROM repo_change
		WHERE collection_id = $1 AND repo_id = $2
		ORDER BY source
		LIMIT $3`, c.ID, c.LatestRepoID, limit)
	if err != nil {
		return err
	}
	coded := map[string]schema.CodedChanges{}
	var source string
	var prev, curr []int32
	_, err = pgx.ForEachRow(rows, []any{&source, &prev, &curr, &page.Changed}, func() error {
		coded[source] = schema.CodedChanges{Prev: prev, Curr: curr}
		page.Changes = append(page.Changes, RepoChange{Source: source})
		prev, curr = nil, nil // the next row's are other slices
		return nil
	})
	if err != nil {
		return err
	}
	decoded, err := schema.DecodeChanges(ctx, q, coded)
	for i, change := range page.Changes {
		page.Changes[i].Changes = decoded[change.Source]
	}
	return err
}
