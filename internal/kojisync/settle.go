package kojisync

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
)

// clockSkew is how far the hub's clock may be behind ours.
const clockSkew = time.Hour

// A Settlement counts what became of submissions that had been left open.
type Settlement struct {
	Found int // the hub has them
	Lost  int // the hub does not have them, and cannot get them any more
	Twins int // tasks canceled because their build had one already
}

// Settle finds out about builds that were written down and then left: the
// process that was to submit them died or lost the answer. The hub has such a
// build if there is a task with its key. If there is none, and the call can no
// longer be under way, which takes longestCall in domain time, it never will.
// It may be done again, and by two at once. One that is in trouble does not keep
// the others from being looked at.
func (s *Sync) Settle(ctx context.Context, longestCall time.Duration) (Settlement, error) {
	var done Settlement
	open, err := s.DB.OpenSubmissions(ctx)
	if err != nil {
		return done, err
	}
	var troubles []error
	for _, o := range anywhere(open) {
		err := s.settleOne(ctx, o, longestCall, &done)
		if err != nil {
			troubles = append(troubles, fmt.Errorf("settling build %d of package %s: %w", o.BuildID, o.Package, err))
		}
		if koji.ClassOf(err) == koji.Transient || ctx.Err() != nil {
			break // so would the others fare
		}
	}
	return done, errors.Join(troubles...)
}

func (s *Sync) settleOne(ctx context.Context, o record.OpenSubmission, longestCall time.Duration, done *Settlement) error {
	tasks, err := s.Primary.TasksByKey(ctx, strconv.FormatInt(o.BuildID, 10), o.Started.Add(-clockSkew))
	if err != nil {
		return err
	}
	if len(tasks) == 0 {
		if s.Now().Sub(o.Started) <= longestCall {
			return nil
		}
		s.Log.WarnContext(ctx, "build lost", "package", o.Package, "build", o.BuildID)
		done.Lost++
		return s.LoseBuild(ctx, o.BuildID, "Koji has no task for it")
	}
	if err := s.AcceptBuild(ctx, o.BuildID, tasks[0].ID); err != nil {
		return err
	}
	done.Found++
	s.Log.InfoContext(ctx, "build found again", "package", o.Package, "build", o.BuildID, "task", tasks[0].ID)
	return s.cancelTwins(ctx, o, tasks[1:], done)
}

// FindLost looks once more for builds that were given up as lost since a time:
// the call may have been under way for longer than anyone thought, and its task
// be over by now. It returns how many it found.
func (s *Sync) FindLost(ctx context.Context, since time.Time) (int, error) {
	lost, err := s.DB.LostSubmissions(ctx, since)
	if err != nil {
		return 0, err
	}
	var found []record.RunningBuild
	var troubles []error
	for _, b := range anywhere(lost) {
		tasks, err := s.Primary.TasksByKey(ctx, strconv.FormatInt(b.ID, 10), b.Started.Add(-clockSkew))
		if err != nil {
			troubles = append(troubles, fmt.Errorf("build %d of package %s: %w", b.ID, b.Package, err))
		}
		if koji.ClassOf(err) == koji.Transient || ctx.Err() != nil {
			break // so would the others fare
		}
		for _, t := range tasks {
			if t.State == koschei.TaskClosed || t.State == koschei.TaskFailed { // a canceled one was canceled for want of a build
				s.Log.WarnContext(ctx, "lost build found again", "package", b.Package, "build", b.ID, "task", t.ID)
				b.TaskID = t.ID
				found = append(found, b)
				break
			}
		}
	}
	if len(found) > 0 {
		troubles = append(troubles, s.followBuilds(ctx, found))
	}
	return len(found), errors.Join(troubles...)
}

// AcceptBuild stores the task that the hub made for a build.
func (s *Sync) AcceptBuild(ctx context.Context, buildID, taskID int64) error {
	_, err := s.DB.SaveBuildReport(ctx, record.BuildReport{
		BuildID: buildID, Outcome: koschei.OutcomeRunning, TaskID: taskID,
	}, s.Rules, s.Now())
	return err
}

// LoseBuild ends a build that the hub does not have.
func (s *Sync) LoseBuild(ctx context.Context, buildID int64, reason string) error {
	changed, err := s.DB.SaveBuildReport(ctx, record.BuildReport{
		BuildID: buildID, Outcome: koschei.OutcomeLost, Finished: s.Now(), Fault: reason,
		BackOff: record.BackOff{Reason: reason, Base: time.Hour, Longest: 24 * time.Hour},
	}, s.Rules, s.Now())
	if changed {
		s.Metrics.endedAs(koschei.OutcomeLost)
	}
	return err
}

// cancelTwins cancels tasks that were made for a build which has one already.
func (s *Sync) cancelTwins(ctx context.Context, o record.OpenSubmission, twins []koji.Task, done *Settlement) error {
	for _, t := range twins {
		s.Log.WarnContext(ctx, "build submitted twice", "package", o.Package, "build", o.BuildID, "task", t.ID)
		done.Twins++
		if err := s.Primary.CancelTask(ctx, t.ID); err != nil {
			return err
		}
	}
	return nil
}
