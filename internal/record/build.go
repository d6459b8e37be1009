package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A RunningBuild is a scratch build whose task may go on at the hub.
type RunningBuild struct {
	ID              int64
	Package         string
	Collection      string
	SecondaryMode   bool // of the collection
	TaskID          int64
	Started         time.Time
	CancelRequested bool
}

// scratchBuilds has the columns of a RunningBuild.
const scratchBuilds = `
	SELECT b.id, p.name, c.name, c.secondary_mode, coalesce(b.task_id, 0), b.started, b.cancel_requested
	FROM build b
	JOIN package p ON p.id = b.package_id
	JOIN collection c ON c.id = p.collection_id
	WHERE b.origin = 'scratch'`

const runningBuilds = scratchBuilds + ` AND b.outcome = 'running'`

// RunningBuilds returns all scratch builds that Koji has a task for and that
// have not ended as far as we know, the oldest first.
func (rec *Record) RunningBuilds(ctx context.Context) ([]RunningBuild, error) {
	rows, err := rec.db.Query(ctx, runningBuilds+` ORDER BY b.started, b.id`)
	if err != nil {
		return nil, fmt.Errorf("reading running builds: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[RunningBuild])
}

// RunningBuildsOf returns those of the running builds that the tasks of a hub
// are for. After a collection was branched a task may be for several.
func (rec *Record) RunningBuildsOf(ctx context.Context, hub koschei.Hub, tasks []int64) ([]RunningBuild, error) {
	rows, err := rec.db.Query(ctx, runningBuilds+` AND b.hub = $1 AND b.task_id = ANY($2) ORDER BY b.started, b.id`, hub, tasks)
	if err != nil {
		return nil, fmt.Errorf("reading running builds of %d tasks: %w", len(tasks), err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[RunningBuild])
}

// BuildsToCancel returns the running builds that somebody wants canceled, and
// those that started before a time.
func (rec *Record) BuildsToCancel(ctx context.Context, startedBefore time.Time) ([]RunningBuild, error) {
	rows, err := rec.db.Query(ctx, runningBuilds+` AND (b.cancel_requested OR b.started < $1) ORDER BY b.started, b.id`, startedBefore)
	if err != nil {
		return nil, fmt.Errorf("reading builds to cancel: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[RunningBuild])
}

// LostSubmissions returns the scratch builds that started after a time and were
// given up because the hub had no task for them, the oldest first.
func (rec *Record) LostSubmissions(ctx context.Context, since time.Time) ([]RunningBuild, error) {
	rows, err := rec.db.Query(ctx, scratchBuilds+`
		AND b.outcome = 'lost' AND b.task_id IS NULL AND b.copied_from IS NULL AND b.started > $1
		ORDER BY b.started, b.id`, since)
	if err != nil {
		return nil, fmt.Errorf("reading lost builds: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[RunningBuild])
}

// A BuildReport is what was heard of a scratch build.
type BuildReport struct {
	BuildID  int64
	Outcome  koschei.Outcome // running, or how it ended
	Finished time.Time       // if it ended
	TaskID   int64           // 0 if nothing new is known
	RepoID   int64           // 0 if not known
	Tasks    []koschei.Task  // its children so far

	Fault       string // why it did not complete
	FaultTaskID int64
	BackOff     BackOff // if it ended for no fault of the package
}

// BackOff says how long a package is held back: Base after the first build
// that ended for no fault of its own, twice that after the second in a row, and
// so on up to Longest.
type BackOff struct {
	Reason        string
	Base, Longest time.Duration
}

// SaveBuildReport stores what was heard of a build: its tasks, its repo, its
// end and all that follows for the package. What is heard late or again changes
// nothing. It reports whether the build's outcome became another one. It wraps
// koschei.ErrConflict if a lost build is to run again while another one runs.
func (rec *Record) SaveBuildReport(ctx context.Context, r BuildReport, rules koschei.PriorityRules, now time.Time) (changed bool, err error) {
	err = rec.db.Transact(ctx, func(tx pgx.Tx) error {
		changed = false
		b, err := lockBuild(ctx, tx, r.BuildID)
		if errors.Is(err, koschei.ErrNotFound) {
			return nil // deleted with its package
		}
		if err != nil || b.Outcome.Transition(r.Outcome) != nil {
			return err
		}
		if err := saveTasks(ctx, tx, r.BuildID, r.Tasks); err != nil {
			return err
		}
		changed = b.Outcome != r.Outcome
		if err := saveProgress(ctx, tx, b, &r, rules, now); err != nil {
			return err
		}
		if b.Outcome.Fault() != r.Outcome.Fault() {
			return rec.Sets.CompareAgain(ctx, tx, b.ID)
		}
		return nil
	})
	if postgres.Violates(err, "build_one_running") {
		err = fmt.Errorf("another build of the package is under way: %w", koschei.ErrConflict)
	}
	if err != nil {
		return false, fmt.Errorf("storing build %d: %w", r.BuildID, err)
	}
	return changed, nil
}

// A lockedBuild is what is needed of a build to change it.
type lockedBuild struct {
	ID        int64
	PackageID int64
	Outcome   koschei.Outcome
	Before    koschei.Outcome // of the package's last complete build, "" if there is none
}

// lockBuild locks a build's package and then the build.
func lockBuild(ctx context.Context, tx pgx.Tx, id int64) (*lockedBuild, error) {
	b := &lockedBuild{ID: id}
	err := tx.QueryRow(ctx, `SELECT package_id FROM build WHERE id = $1`, id).Scan(&b.PackageID)
	if err != nil {
		return nil, postgres.NotFound(err, "build %d", id)
	}
	if _, err := settle.LockPackages(ctx, tx, []int64{b.PackageID}); err != nil {
		return nil, err
	}
	err = tx.QueryRow(ctx, `
		SELECT b.outcome, coalesce(p.last_complete_outcome, '')
		FROM build b
		JOIN package p ON p.id = b.package_id
		WHERE b.id = $1
		FOR NO KEY UPDATE OF b`, id).Scan(&b.Outcome, &b.Before)
	return b, postgres.NotFound(err, "build %d", id)
}

func saveTasks(ctx context.Context, tx pgx.Tx, buildID int64, tasks []koschei.Task) error {
	var batch pgx.Batch
	settle.QueueTasks(&batch, buildID, tasks)
	return tx.SendBatch(ctx, &batch).Close()
}

func saveProgress(ctx context.Context, tx pgx.Tx, b *lockedBuild, r *BuildReport, rules koschei.PriorityRules, now time.Time) error {
	tag, err := tx.Exec(ctx, `
		UPDATE build
		SET outcome = @outcome, finished = @finished::timestamptz, task_id = coalesce(task_id, nullif(@task::bigint, 0)),
			repo_id = coalesce(repo_id, nullif(@repo::bigint, 0)), fault = @fault, fault_task_id = nullif(@fault_task::bigint, 0),
			deps = CASE
				WHEN deps = 'pending' AND repo_id IS NULL AND @repo = 0 AND @finished::timestamptz IS NOT NULL THEN 'unavailable'
				WHEN deps = 'unavailable' AND repo_id IS NULL AND @repo <> 0 THEN 'pending'
				ELSE deps END
		WHERE id = @id AND (outcome <> @outcome OR task_id IS NULL AND @task <> 0 OR repo_id IS NULL AND @repo <> 0)`,
		pgx.NamedArgs{
			"id": r.BuildID, "outcome": r.Outcome, "finished": postgres.OrNull(r.Finished), "task": r.TaskID, "repo": r.RepoID,
			"fault": r.Fault, "fault_task": r.FaultTaskID,
		})
	if err == nil && tag.RowsAffected() > 0 && r.RepoID != 0 {
		err = settle.WakeFor(ctx, tx, []int64{b.PackageID}, koschei.ServiceBuildResolver)
	}
	if err != nil || b.Outcome == r.Outcome || !b.Outcome.Ended() && !r.Outcome.Ended() {
		return err // nothing follows for the package
	}
	if err := settle.Packages(ctx, tx, []int64{b.PackageID}, now); err != nil || !r.Outcome.Ended() {
		return err
	}
	if r.Outcome.Fault() {
		err = holdForFault(ctx, tx, b.PackageID, r.BackOff, now)
	} else {
		err = settlePriorities(ctx, tx, b, r.Outcome, rules)
	}
	if err != nil {
		return err
	}
	if err := settle.NoteBuilds(ctx, tx, koschei.EventBuildEnded, []int64{b.ID}, []string{string(b.Outcome)}, now); err != nil {
		return err
	}
	woken := []koschei.Service{koschei.ServiceScheduler, koschei.ServiceRepoResolver}
	if r.Outcome == koschei.OutcomeFailed {
		woken = append(woken, koschei.ServiceLogReader)
	}
	return settle.WakeFor(ctx, tx, []int64{b.PackageID}, woken...)
}

// settlePriorities resets what had raised a package's priority: a build that
// counts has ended. A first failure, and a build that could not have worked,
// ask for another.
func settlePriorities(ctx context.Context, tx pgx.Tx, b *lockedBuild, outcome koschei.Outcome, rules koschei.PriorityRules) error {
	another := 0
	if outcome == koschei.OutcomeFailed && b.Before != koschei.OutcomeFailed {
		another = rules.FailedBuild
	}
	unresolved := another
	if outcome == koschei.OutcomeFailed {
		unresolved = rules.UnresolvedLast
	}
	_, err := tx.Exec(ctx, `
		UPDATE package p
		SET manual_priority = 0,
			build_priority = CASE
				WHEN p.last_complete_build_id IS DISTINCT FROM b.id THEN 0
				WHEN b.deps = 'unresolved' THEN $3::integer
				ELSE $2::integer END,
			`+schema.NotHeld+`, faults = 0
		FROM build b
		WHERE b.id = $1 AND p.id = b.package_id`, b.ID, another, unresolved)
	if err != nil {
		return err
	}
	return forgetChanges(ctx, tx, []int64{b.PackageID})
}

// holdForFault holds a package back, longer after each fault in a row.
func holdForFault(ctx context.Context, tx pgx.Tx, packageID int64, back BackOff, now time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE package
		SET faults = faults + 1, hold_kind = 'fault', hold_reason = $2,
			hold_until = $3::timestamptz + least($4::interval * power(2, least(faults, 20)), $5::interval)
		WHERE id = $1`, packageID, back.Reason, now, back.Base, back.Longest)
	return err
}
