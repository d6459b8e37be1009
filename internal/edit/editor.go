package edit

import "github.com/koschei-ci/koschei/internal/postgres"

// An Editor changes what people decide.
type Editor struct{ db postgres.Writer }

// New returns the editor of a database.
func New(db *postgres.DB) *Editor { return &Editor{db: db} }
