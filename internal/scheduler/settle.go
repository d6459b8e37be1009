package scheduler

import (
	"context"
	"time"

	"github.com/koschei-ci/koschei/internal/postgres"
)

// settle finds out about builds that an earlier pass wrote down and then left.
func (s *Service) settle(ctx context.Context, db *postgres.DB) error {
	done, err := s.sync(db).Settle(ctx, s.longestCall())
	s.Metrics.settled(done)
	return err
}

// accepted stores the task that the hub made for a build.
func (s *Service) accepted(ctx context.Context, db *postgres.DB, buildID, taskID int64) error {
	return s.sync(db).AcceptBuild(ctx, buildID, taskID)
}

// longestCall is how long after it was written down a submission may be under
// way, in domain time: we give up after a call's limit, and what was sent at
// that moment the hub may have in hand for as long again.
func (s *Service) longestCall() time.Duration {
	longest := 2 * s.Hub.CallLimit()
	if s.Speed > 0 {
		longest = time.Duration(float64(longest) * s.Speed)
	}
	return longest
}
