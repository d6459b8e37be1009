package built

import (
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A Store stores what builds were made with. It is safe for concurrent use.
type Store struct {
	db       postgres.Writer
	sets     *depset.Codec
	interned *interned
}

// New returns the store of a database.
func New(db postgres.Writer) *Store {
	return &Store{db: db, sets: depset.NewCodec(), interned: &interned{}}
}

// Writing returns the same store, with what it remembers, for other transactions.
func (st *Store) Writing(db postgres.Writer) *Store {
	other := *st
	other.db = db
	return &other
}
