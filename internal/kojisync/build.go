package kojisync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
)

// RunningBuilds asks for the tasks of all our running builds and stores how
// they go: their repo and tasks, and how they ended. A build that cannot be
// judged now, because a log cannot be read for example, stays as it is and does
// not keep the others from being looked at.
func (s *Sync) RunningBuilds(ctx context.Context) error {
	builds, err := s.DB.RunningBuilds(ctx)
	if err != nil {
		return err
	}
	return s.followBuilds(ctx, builds)
}

// BuildsOfTasks does for the builds that some tasks of the primary hub are for
// what RunningBuilds does for all. Tasks of others cost the hub nothing.
func (s *Sync) BuildsOfTasks(ctx context.Context, tasks []int64) error {
	builds, err := s.DB.RunningBuildsOf(ctx, koschei.Primary, tasks)
	if err != nil || len(builds) == 0 {
		return err
	}
	return s.followBuilds(ctx, builds)
}

// CancelBuilds cancels the tasks of builds that somebody wants canceled and of
// those that have run too long, and stores what became of them. A build stays
// as it is when its task cannot be canceled.
func (s *Sync) CancelBuilds(ctx context.Context) error {
	builds, err := s.DB.BuildsToCancel(ctx, s.Now().Add(-s.TaskTimeout))
	if err != nil || len(builds) == 0 {
		return err
	}
	var troubles []error
	for _, b := range anywhere(builds) {
		if err := s.Primary.CancelTask(ctx, b.TaskID); err != nil {
			troubles = append(troubles, fmt.Errorf("canceling build %d of package %s: %w", b.ID, b.Package, err))
			if koji.ClassOf(err) == koji.Transient {
				break
			}
		}
	}
	return errors.Join(append(troubles, s.followBuilds(ctx, builds))...)
}

// anywhere returns list as it goes on from somewhere in it. Who goes through it
// and stops where the hub is in trouble would else never come to what follows one
// that the hub can never speak of.
func anywhere[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	begin := rand.N(len(list))
	return append(slices.Clone(list[begin:]), list[:begin]...)
}

func (s *Sync) followBuilds(ctx context.Context, builds []record.RunningBuild) error {
	builds = anywhere(builds)
	ids := make([]int64, len(builds))
	for i, b := range builds {
		ids[i] = b.TaskID
	}
	tasks, err := s.Primary.Tasks(ctx, ids)
	if err != nil {
		return err
	}
	children, err := s.Primary.TaskChildren(ctx, ids)
	if err != nil {
		return err
	}
	troubles := []error{s.learnHosts(ctx, koschei.Primary, s.Primary, children)}
	for i := range builds {
		err := s.followBuild(ctx, &builds[i], tasks[i], children[i])
		if err != nil {
			troubles = append(troubles, fmt.Errorf("build %d of package %s: %w", builds[i].ID, builds[i].Package, err))
			if koji.ClassOf(err) == koji.Transient || ctx.Err() != nil {
				break // so would the others fail
			}
		}
	}
	return errors.Join(troubles...)
}

func (s *Sync) followBuild(ctx context.Context, b *record.RunningBuild, task *koji.Task, children koji.Children) error {
	if children.Err != nil {
		return children.Err
	}
	report := record.BuildReport{BuildID: b.ID, Outcome: koschei.OutcomeRunning, TaskID: b.TaskID}
	end := ending{outcome: koschei.OutcomeRunning}
	switch {
	case task == nil:
		end = ending{outcome: koschei.OutcomeLost, fault: fmt.Sprintf("Koji has no task %d", b.TaskID)}
		report.Finished = s.Now()
	case task.State.Ended():
		var err error
		if end, err = s.judge(ctx, b, task, children.Tasks); err != nil {
			return err
		}
		report.Finished = cmp.Or(task.Completed, s.Now())
	}
	if task != nil {
		report.RepoID, report.Tasks = task.RepoID(), tasksOf(children.Tasks)
	}
	if report.RepoID == 0 {
		report.RepoID = repoOf(children.Tasks)
	}
	if b.SecondaryMode {
		var err error
		if report.RepoID, err = s.secondaryRepo(ctx, report.RepoID); err != nil {
			return err
		}
	}
	report.Outcome, report.Fault, report.FaultTaskID = end.outcome, end.fault, end.faultTask
	report.BackOff = backOff(end)
	changed, err := s.DB.SaveBuildReport(ctx, report, s.Rules, s.Now())
	if err == nil && changed {
		s.Metrics.endedAs(report.Outcome)
		s.Log.InfoContext(ctx, "build ended", "collection", b.Collection, "package", b.Package, "build", b.ID,
			"task", b.TaskID, "repo", report.RepoID, "outcome", report.Outcome, "fault", report.Fault)
	}
	return err
}

// secondaryRepo returns the secondary hub's repo that a repo of the primary one
// shows, 0 if it shows none. In a collection in secondary mode dependencies are
// found in the former.
func (s *Sync) secondaryRepo(ctx context.Context, primaryID int64) (int64, error) {
	if primaryID == 0 {
		return 0, nil
	}
	id, err := s.DB.Hub.SecondaryRepo(ctx, primaryID)
	if errors.Is(err, koschei.ErrNotFound) {
		return 0, nil
	}
	return id, err
}

// backOff says how long a package is left alone after a build that says
// nothing about it.
func backOff(end ending) record.BackOff {
	back := record.BackOff{
		Reason:  fmt.Sprintf("its last build was no proof, it ended as %s: %s", end.outcome, end.fault),
		Base:    30 * time.Minute,
		Longest: 24 * time.Hour,
	}
	switch {
	case end.pinning: // the next one leaves the choice of the repo to the hub
		back.Base = time.Minute
	case end.outcome == koschei.OutcomeCanceled:
		back.Base = 6 * time.Hour
	case end.outcome == koschei.OutcomeTimeout:
		back.Base, back.Longest = 24*time.Hour, 7*24*time.Hour
	}
	return back
}
