package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// wakeChannel and a service's name are the channel it is notified on. The
// payload is the id of the collection there is work in, or empty if it may be
// any.
const wakeChannel = "koschei "

// Wake tells the services of that name, in all processes that have a Listener,
// that there is work in a collection, 0 for any. It is for work that is not in
// the record; what changes the record wakes by itself.
func (db *DB) Wake(ctx context.Context, service koschei.Service, collectionID int64) error {
	return wake(ctx, db.pool, collectionID, service)
}

// wake wakes services when the transaction that q is commits, and not if it is
// taken back: what they are woken for is there when they look. However often
// it is called in one transaction, each service hears of a collection once.
func wake(ctx context.Context, q querier, collectionID int64, services ...koschei.Service) error {
	_, err := q.Exec(ctx, `
		SELECT pg_notify($1 || s.name, coalesce(nullif($3::bigint, 0)::text, ''))
		FROM unnest($2::text[]) AS s (name)`, wakeChannel, services, collectionID)
	if err != nil {
		return fmt.Errorf("waking services: %w", err)
	}
	return nil
}

// wakeFor is wake for the collections of packages.
func wakeFor(ctx context.Context, tx pgx.Tx, packageIDs []int64, services ...koschei.Service) error {
	_, err := tx.Exec(ctx, `
		SELECT pg_notify($1 || s.name, c.id::text)
		FROM unnest($2::text[]) AS s (name)
		CROSS JOIN (SELECT DISTINCT collection_id FROM package WHERE id = ANY($3)) AS c (id)`,
		wakeChannel, services, packageIDs)
	if err != nil {
		return fmt.Errorf("waking services: %w", err)
	}
	return nil
}
