package record

import (
	"context"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Collections returns all collections in the order pages show them.
func (rec *Record) Collections(ctx context.Context) ([]koschei.Collection, error) {
	return schema.Collections(ctx, rec.db)
}

// Collection returns the collection of that name, or an error that wraps
// koschei.ErrNotFound.
func (rec *Record) Collection(ctx context.Context, name string) (*koschei.Collection, error) {
	return schema.OneCollection(ctx, rec.db, name, "")
}

// CollectionByID is Collection for who must not mistake another for it that has
// got its name since: a branch takes over the name of its master.
func (rec *Record) CollectionByID(ctx context.Context, id int64) (*koschei.Collection, error) {
	return schema.OneCollectionByID(ctx, rec.db, id, "")
}
