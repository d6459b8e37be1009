package asked

import "github.com/koschei-ci/koschei/internal/postgres"

// A Memory is what is remembered of hubs.
type Memory struct{ db postgres.Writer }

// New returns what a database remembers.
func New(db postgres.Writer) *Memory { return &Memory{db: db} }

// A Fenced is the memory for work under a lease; see record.Fenced.
type Fenced struct{ *Memory }

// Under returns the memory for work under a lease.
func Under(fence *postgres.Fenced) *Fenced { return &Fenced{New(fence)} }
