package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// WakeChannel and a service's name are the channel it is notified on. The
// payload is the id of the collection there is work in, or empty if it may be
// any.
const WakeChannel = "koschei "

// Wake wakes services when the transaction commits, and not if it is
// taken back: what they are woken for is there when they look. However often
// it is called in one transaction, each service hears of a collection once.
func Wake(ctx context.Context, tx pgx.Tx, collectionID int64, services ...koschei.Service) error {
	_, err := tx.Exec(ctx, `
		SELECT pg_notify($1 || s.name, coalesce(nullif($3::bigint, 0)::text, ''))
		FROM unnest($2::text[]) AS s (name)`, WakeChannel, services, collectionID)
	if err != nil {
		return fmt.Errorf("waking services: %w", err)
	}
	return nil
}
