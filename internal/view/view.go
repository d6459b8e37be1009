package view

import (
	"context"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A View reads the record for those who show it. What concerns one kind of thing is
// read by one of its parts. It is safe for concurrent use.
type View struct {
	*source

	Packages *Packages
	Timeline *Timeline
	Builds   *Builds
	Repos    *Repos
	People   *People
}

// Packages reads what is known of packages, one or many.
type Packages struct{ *source }

// Timeline reads what has changed, and when: states of packages and what is counted
// of them.
type Timeline struct{ *source }

// Builds reads builds, what is in their buildroots, why they failed, and which come
// next.
type Builds struct{ *source }

// Repos reads repos and the updates that came with them.
type Repos struct{ *source }

// People reads what people have asked for and what they have done.
type People struct{ *source }

// A source is what all parts of a view read from.
type source struct {
	db    *postgres.Reader
	sets  *depset.Codec
	names names
}

// New returns the view of a database.
func New(db *postgres.Reader) *View {
	s := &source{db: db, sets: depset.NewCodec()}
	return &View{s, &Packages{s}, &Timeline{s}, &Builds{s}, &Repos{s}, &People{s}}
}

// Ready returns nil when this program can work on the database's schema; see
// postgres.DB.Ready.
func (v *View) Ready(ctx context.Context) error { return v.db.Ready(ctx) }

// Collection returns the collection of that name, or an error that wraps
// koschei.ErrNotFound.
func (v *View) Collection(ctx context.Context, name string) (*koschei.Collection, error) {
	return v.collection(ctx, name)
}

func (v *source) collection(ctx context.Context, name string) (*koschei.Collection, error) {
	return schema.OneCollection(ctx, v.db, name, "")
}
