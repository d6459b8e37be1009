package scheduler

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// clockSkew is how far the hub's clock may be behind ours.
const clockSkew = time.Hour

// settle finds out about builds that were written down and then left: this
// process, or one before it, died or lost the answer. The hub has such a build
// if there is a task with its key. If there is none, and the call can no longer
// be under way, it never will.
func (s *Service) settle(ctx context.Context, db *postgres.DB) error {
	open, err := db.OpenSubmissions(ctx)
	if err != nil {
		return err
	}
	for _, o := range open {
		if err := s.settleOne(ctx, db, o); err != nil {
			return fmt.Errorf("settling build %d of package %s: %w", o.BuildID, o.Package, err)
		}
	}
	return nil
}

func (s *Service) settleOne(ctx context.Context, db *postgres.DB, o postgres.OpenSubmission) error {
	tasks, err := s.Hub.TasksByKey(ctx, strconv.FormatInt(o.BuildID, 10), o.Started.Add(-clockSkew))
	if err != nil {
		return err
	}
	if len(tasks) == 0 {
		if s.Now().Sub(o.Started) <= s.longestCall() {
			return nil
		}
		s.Log.WarnContext(ctx, "build lost", "package", o.Package, "build", o.BuildID)
		return s.lost(ctx, db, o.BuildID, "Koji has no task for it")
	}
	if err := s.accepted(ctx, db, o.BuildID, tasks[0].ID); err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "build found again", "package", o.Package, "build", o.BuildID, "task", tasks[0].ID)
	return s.cancelTwins(ctx, o, tasks[1:])
}

// accepted stores the task that the hub made for a build.
func (s *Service) accepted(ctx context.Context, db *postgres.DB, buildID, taskID int64) error {
	_, err := db.SaveBuildReport(ctx, postgres.BuildReport{
		BuildID: buildID, Outcome: koschei.OutcomeRunning, TaskID: taskID,
	}, s.Rules, s.Now())
	return err
}

// How long a package is held whose submission was lost, in domain time.
const (
	holdLost    = time.Hour
	longestHold = 24 * time.Hour
)

// lost ends a build that the hub does not have.
func (s *Service) lost(ctx context.Context, db *postgres.DB, buildID int64, reason string) error {
	s.Metrics.lost()
	_, err := db.SaveBuildReport(ctx, postgres.BuildReport{
		BuildID: buildID, Outcome: koschei.OutcomeLost, Finished: s.Now(), Fault: reason,
		BackOff: postgres.BackOff{Reason: reason, Base: holdLost, Longest: longestHold},
	}, s.Rules, s.Now())
	return err
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

// cancelTwins cancels tasks that were made for a build which has one already.
func (s *Service) cancelTwins(ctx context.Context, o postgres.OpenSubmission, twins []koji.Task) error {
	for _, t := range twins {
		s.Log.WarnContext(ctx, "build submitted twice", "package", o.Package, "build", o.BuildID, "task", t.ID)
		s.Metrics.twin()
		if err := s.Hub.CancelTask(ctx, t.ID); err != nil {
			return err
		}
	}
	return nil
}
