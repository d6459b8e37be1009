package built

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/depset"
)

// StoreSets stores sets alone, without the builds that were made with them.
func (st *Store) StoreSets(ctx context.Context, sets []depset.Set) (ids []int64, err error) {
	err = st.db.Transact(ctx, func(tx pgx.Tx) error {
		if err := LockInterned(ctx, tx); err != nil {
			return err
		}
		ids, err = st.storeSets(ctx, tx, sets)
		return err
	})
	return ids, err
}
