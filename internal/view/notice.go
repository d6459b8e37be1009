package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A Frame is what every page shows or needs besides its own content.
type Frame struct {
	Notice      string            // the operators', "" if there is none
	Collections []FrameCollection // in the order pages show them
}

// A FrameCollection is a collection with what its latest repo says of the base
// buildroot.
type FrameCollection struct {
	koschei.Collection
	RepoCreated time.Time // of the latest repo; zero if there is none
	Problems    []string  // why the base buildroot cannot be installed
}

// A Pulse is how collections stand, as every page tells in short.
type Pulse struct {
	Counts map[int64]PackageCounts // of tracked packages that are not blocked, by collection
	Fresh  map[int64]koschei.Freshness
}

// Pulse returns how all collections stand.
func (v *View) Pulse(ctx context.Context) (*Pulse, error) {
	pulse := &Pulse{Counts: map[int64]PackageCounts{}}
	err := v.db.Read(ctx, func(q postgres.Querier) (err error) {
		if pulse.Fresh, err = schema.ReadFreshness(ctx, q, 0); err != nil {
			return err
		}
		return countCollections(ctx, q, pulse.Counts)
	})
	if err != nil {
		return nil, fmt.Errorf("reading how collections stand: %w", err)
	}
	return pulse, nil
}

// Frame returns what surrounds every page.
func (v *View) Frame(ctx context.Context) (*Frame, error) {
	frame := &Frame{}
	batch := &pgx.Batch{}
	batch.Queue(`SELECT coalesce((SELECT content FROM notice WHERE key = $1), '')`, schema.NoticeKey).
		QueryRow(func(row pgx.Row) error { return row.Scan(&frame.Notice) })
	batch.Queue(`
		SELECT ` + schema.CollectionColumns() + `, coalesce(r.created, '0001-01-01 UTC') AS repo_created, coalesce(r.problems, '{}') AS problems
		FROM collection c
		LEFT JOIN repo r ON r.collection_id = c.id AND r.repo_id = c.latest_repo_id
		ORDER BY c."order" DESC, c.name DESC`).
		Query(func(rows pgx.Rows) (err error) {
			frame.Collections, err = pgx.CollectRows(rows, pgx.RowToStructByName[FrameCollection])
			return err
		})
	if err := v.db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("reading collections and notice: %w", err)
	}
	return frame, nil
}

// HowFresh returns how fresh a collection is.
func (v *View) HowFresh(ctx context.Context, collectionID int64) (koschei.Freshness, error) {
	fresh, err := schema.ReadFreshness(ctx, v.db, collectionID)
	if err != nil {
		return koschei.Freshness{}, fmt.Errorf("reading how fresh a collection is: %w", err)
	}
	return fresh[collectionID], nil
}
