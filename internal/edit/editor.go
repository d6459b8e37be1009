package edit

import (
	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// An Editor changes what people decide.
type Editor struct {
	*editor

	Accounts *Accounts
}

// Accounts changes what belongs to single people: rights, sessions, tokens, and how
// they are told.
type Accounts struct{ *editor }

// An editor is what all changes go through.
type editor struct {
	db     postgres.Writer
	policy koschei.Policy
}

// New returns the editor of a database, with a policy that is valid.
func New(db *postgres.DB, policy koschei.Policy) *Editor {
	ed := &editor{db, policy}
	return &Editor{ed, &Accounts{ed}}
}
