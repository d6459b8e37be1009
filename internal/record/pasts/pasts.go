package pasts

import (
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/built"
)

// Pasts are what is taken over.
type Pasts struct {
	sets *built.Store

	db postgres.Writer
}

// New returns where a database keeps what is taken over.
func New(db *postgres.DB) *Pasts { return &Pasts{db: db, sets: built.New(db)} }
