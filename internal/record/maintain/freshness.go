package maintain

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Freshness returns how fresh what is known of each collection is, by id.
func (mt *Maintenance) Freshness(ctx context.Context) (map[int64]koschei.Freshness, error) {
	var fresh map[int64]koschei.Freshness
	err := mt.db.Read(ctx, func(tx pgx.Tx) (err error) {
		fresh, err = schema.ReadFreshness(ctx, tx, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading how fresh collections are: %w", err)
	}
	return fresh, nil
}
