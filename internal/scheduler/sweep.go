package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
)

const (
	// sweepEvery is how often the tasks at the hub are compared with the record,
	// in domain time.
	sweepEvery = 10 * time.Minute

	// lostFor is how long a lost build is looked for, in domain time.
	lostFor = 24 * time.Hour

	// sweepTasks bounds the tasks of ours that are looked at.
	sweepTasks = 1000
)

// sweep looks for tasks of ours that the record knows nothing of: of a build
// that was given up as lost too early, or a second one of a build. Of the first
// kind those that have ended are believed, and those that run are taken up again
// unless another build of the package is under way; all others that run are
// canceled. Tasks with a key that is not
// in the record are left alone: they may be those of another Koschei.
func (s *Service) sweep(ctx context.Context, db *record.Record) error {
	now := s.Now()
	if now.Sub(s.swept) < sweepEvery {
		return nil
	}
	tasks, err := s.runningTasks(ctx)
	if err != nil {
		return fmt.Errorf("looking for tasks without a build: %w", err)
	}
	var ids []int64
	for id := range tasks {
		ids = append(ids, id)
	}
	builds, err := db.KeyedBuilds(ctx, ids)
	if err != nil {
		return err
	}
	var troubles []error
	for id, b := range builds {
		for _, task := range tasks[id] {
			err := s.reclaim(ctx, db, &b, task)
			if err != nil {
				troubles = append(troubles, fmt.Errorf("task %d of build %d: %w", task, id, err))
			}
			if koji.ClassOf(err) == koji.Transient || ctx.Err() != nil {
				return errors.Join(troubles...) // so would the others fare; the next pass goes on
			}
		}
	}
	s.swept = now
	if _, err := s.sync(db).FindLost(ctx, now.Add(-lostFor)); err != nil {
		troubles = append(troubles, fmt.Errorf("looking for lost builds: %w", err))
	}
	return errors.Join(troubles...)
}

// runningTasks returns the ids of our build tasks that the hub has not ended,
// by the builds in their keys, the oldest first.
func (s *Service) runningTasks(ctx context.Context) (map[int64][]int64, error) {
	me, err := s.Hub.LoggedInUser(ctx)
	if err != nil {
		return nil, err
	}
	tasks, err := s.Hub.ListTasks(ctx, koji.TaskQuery{
		OwnerID: me.ID, Method: "build", Limit: sweepTasks,
		States: []koschei.TaskState{koschei.TaskFree, koschei.TaskOpen, koschei.TaskAssigned},
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(tasks)
	byBuild := map[int64][]int64{}
	for i := range tasks {
		if id, err := strconv.ParseInt(tasks[i].Key(), 10, 64); err == nil {
			byBuild[id] = append(byBuild[id], tasks[i].ID)
		}
	}
	return byBuild, nil
}

// reclaim makes b and a running task with its key fit together.
func (s *Service) reclaim(ctx context.Context, db *record.Record, b *record.KeyedBuild, task int64) error {
	if b.TaskID == task {
		return nil
	}
	if b.TaskID == 0 && (b.Outcome == koschei.OutcomeLost || b.Outcome == koschei.OutcomeSubmitting) {
		err := s.accepted(ctx, db, b.ID, task)
		if err == nil {
			b.TaskID = task
			s.Log.WarnContext(ctx, "lost build found again", "build", b.ID, "task", task)
			return nil
		}
		if !errors.Is(err, koschei.ErrConflict) {
			return err
		}
	}
	s.Log.WarnContext(ctx, "task without a build canceled", "build", b.ID, "task", task)
	s.Metrics.twin()
	return s.Hub.CancelTask(ctx, task)
}
