package kojisync

import (
	"log/slog"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
)

// A Sync has what is needed to hear and to store. It may be used by several
// goroutines at once.
type Sync struct {
	koschei.Clock // of domain time
	koji.Hubs

	DB    *record.Record
	Log   *slog.Logger
	Rules koschei.PriorityRules

	TaskTimeout time.Duration // a build that runs longer is canceled
	Metrics     *Metrics      // nil if nobody counts

	hosts *hosts
}

const defaultTaskTimeout = 48 * time.Hour

// New returns a Sync that nobody counts, with the usual longest time of a build.
func New(db *record.Record, hubs koji.Hubs, clock koschei.Clock, rules koschei.PriorityRules, log *slog.Logger) *Sync {
	return &Sync{Clock: clock, Hubs: hubs, DB: db, Log: log, Rules: rules, TaskTimeout: defaultTaskTimeout, hosts: &hosts{}}
}

// sourceHub returns the hub that a collection's packages and builds are read
// from.
func (s *Sync) sourceHub(c *koschei.Collection) (koschei.Hub, *koji.Client, error) {
	client, err := s.Source(c)
	return c.SourceHub(), client, err
}
