package deliver

import "github.com/koschei-ci/koschei/internal/postgres"

// Deliveries are the events that leave, by all sinks.
type Deliveries struct{ db postgres.Writer }

// New returns the deliveries of a database.
func New(db postgres.Writer) *Deliveries { return &Deliveries{db: db} }
