package record

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// Wake tells the services of that name, in all processes that have a Listener,
// that there is work in a collection, 0 for any. It is for work that is not in
// the record; what changes the record wakes by itself.
func (rec *Record) Wake(ctx context.Context, service koschei.Service, collectionID int64) error {
	return rec.db.Transact(ctx, func(tx pgx.Tx) error { return postgres.Wake(ctx, tx, collectionID, service) })
}
