package view

import (
	"context"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A View reads the record for those who show it. It is safe for concurrent use.
type View struct {
	db    *postgres.Reader
	sets  *depset.Codec
	names names
}

// New returns the view of a database.
func New(db *postgres.Reader) *View { return &View{db: db, sets: depset.NewCodec()} }

// Ready returns nil when this program can work on the database's schema; see
// postgres.DB.Ready.
func (v *View) Ready(ctx context.Context) error { return v.db.Ready(ctx) }

// Collection returns the collection of that name, or an error that wraps
// koschei.ErrNotFound.
func (v *View) Collection(ctx context.Context, name string) (*koschei.Collection, error) {
	return schema.OneCollection(ctx, v.db, name, "")
}
