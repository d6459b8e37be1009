package edit

import (
	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// An Editor changes what people decide.
type Editor struct {
	db     postgres.Writer
	policy koschei.Policy
}

// New returns the editor of a database, with a policy that is valid.
func New(db *postgres.DB, policy koschei.Policy) *Editor { return &Editor{db, policy} }
