package scheduler

import (
	"context"
	"time"

	"github.com/koschei-ci/koschei/internal/record"
)

// settle finds out about builds that an earlier pass wrote down and then left.
func (s *Service) settle(ctx context.Context, db *record.Record) error {
	done, err := s.sync(db).Settle(ctx, s.longestCall())
	s.Metrics.settled(done)
	return err
}

// accepted stores the task that the hub made for a build.
func (s *Service) accepted(ctx context.Context, db *record.Record, buildID, taskID int64) error {
	return s.sync(db).AcceptBuild(ctx, buildID, taskID)
}

// longestCall is how long a submission may be under way, in domain time.
func (s *Service) longestCall() time.Duration { return s.Domain(s.Hub.LongestCall()) }
