package kojisync

import (
	"log/slog"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A Sync has what is needed to hear and to store. It may be used by several
// goroutines at once.
type Sync struct {
	DB        *postgres.DB
	Primary   *koji.Client // builds run here
	Secondary *koji.Client // collections in secondary mode are read from here; nil if there are none
	Log       *slog.Logger
	Now       func() time.Time // domain time

	Rules       koschei.PriorityRules
	TaskTimeout time.Duration // a build that runs longer is canceled; 0 is 48 hours
	Metrics     *Metrics      // nil if nobody counts
}

const defaultTaskTimeout = 48 * time.Hour

func (s *Sync) taskTimeout() time.Duration {
	if s.TaskTimeout > 0 {
		return s.TaskTimeout
	}
	return defaultTaskTimeout
}

func (s *Sync) hubs() koji.Hubs { return koji.Hubs{Primary: s.Primary, Secondary: s.Secondary} }

// sourceHub returns the hub that a collection's packages and builds are read
// from.
func (s *Sync) sourceHub(c *koschei.Collection) (koschei.Hub, *koji.Client, error) {
	client, err := s.hubs().Source(c)
	return c.SourceHub(), client, err
}
