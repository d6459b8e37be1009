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
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Schedulable returns the packages of a collection most worth building, at most
// limit of those whose priority reaches the threshold, the worthiest first.
// Held ones are not among them.
func (rec *Record) Schedulable(ctx context.Context, collectionID int64, ranking schema.Ranking, limit int) ([]koschei.PackageStatus, error) {
	rows, err := rec.db.Query(ctx, schema.WorthBuilding+`
	SELECT `+schema.PackageColumns+`
	FROM chosen
	JOIN package p ON p.id = chosen.id
	LEFT JOIN resolution a ON a.package_id = p.id
	ORDER BY chosen.total DESC, p.id`, schema.WorthBuildingArgs(collectionID, ranking, limit))
	if err != nil {
		return nil, fmt.Errorf("choosing packages to build: %w", err)
	}
	return pgx.CollectRows(rows, schema.RowToPackage)
}

// ScratchBuildsRunning counts the scratch builds under way by collection.
func (rec *Record) ScratchBuildsRunning(ctx context.Context) (map[int64]int, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT p.collection_id, count(*)
		FROM build b
		JOIN package p ON p.id = b.package_id
		WHERE b.outcome IN ('submitting', 'running') AND b.origin = 'scratch'
		GROUP BY p.collection_id`)
	if err != nil {
		return nil, fmt.Errorf("counting running builds: %w", err)
	}
	running := map[int64]int{}
	var collection int64
	var count int
	_, err = pgx.ForEachRow(rows, []any{&collection, &count}, func() error {
		running[collection] = count
		return nil
	})
	return running, err
}

// A HoldKind is why a package is held, in a word.
type HoldKind string

// The kinds of holds.
const (
	HoldSource HoldKind = "source" // there is nothing to build it from
	HoldArch   HoldKind = "arch"   // there is no architecture to build it for
	HoldLoad   HoldKind = "load"   // the hosts it needs are busy
	HoldHub    HoldKind = "hub"    // Koji could not do what building it needs
	HoldFault  HoldKind = "fault"  // its last build ended for no fault of its own
)

// A Hold keeps the scheduler from looking at a package for a while.
type Hold struct {
	Kind   HoldKind
	Reason string // for people
	Until  time.Time
}

// HoldPackage holds a package. It leaves alone what somebody else has
// submitted meanwhile.
func (rec *Fenced) HoldPackage(ctx context.Context, packageID int64, h Hold) error {
	return rec.db.Transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			UPDATE package p
			SET hold_kind = $2, hold_reason = $3, hold_until = $4, hold_basis = `+schema.HoldBasis+`
			WHERE p.id = $1 AND NOT p.running`, packageID, h.Kind, h.Reason, h.Until)
		if err != nil {
			return fmt.Errorf("holding package %d: %w", packageID, err)
		}
		return nil
	})
}

// A Submission is a scratch build that is about to be asked for.
type Submission struct {
	PackageID int64
	EVR       rpm.EVR
	Event     int64 // the hub's last when the source was chosen
	RepoID    int64 // 0 if the hub shall choose
	Arches    string
	Trigger   koschei.Priority
	Now       time.Time
}

// BeginSubmission writes a build down as submitting and returns its id, which
// is the key to find it by at the hub. The package's manual priority is used up
// and it is not held any more. An error wraps koschei.ErrConflict if a build of
// the package is under way already. That the schema sees to, so that people may
// submit builds beside the scheduler, without its lease.
func (rec *Record) BeginSubmission(ctx context.Context, s Submission) (buildID int64, err error) {
	err = rec.db.Transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			UPDATE package
			SET manual_priority = 0, `+schema.NotHeld+`
			WHERE id = $1`, s.PackageID)
		if err != nil {
			return err
		}
		if err := checkVerdict(ctx, tx, &s); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			INSERT INTO build (package_id, origin, outcome, event, epoch, version, release, repo_id, arches, started, trigger)
			VALUES (@package, 'scratch', 'submitting', @event, @epoch, @version, @release, nullif(@repo, 0), @arches, @now, @trigger)
			RETURNING id`,
			pgx.NamedArgs{
				"package": s.PackageID, "event": s.Event, "epoch": s.EVR.Epoch, "version": s.EVR.Version,
				"release": s.EVR.Release, "repo": s.RepoID, "arches": s.Arches, "now": s.Now,
				"trigger": triggerOf(s.Trigger),
			},
		).Scan(&buildID)
		if postgres.Violates(err, "build_one_running") {
			return koschei.Refusal(koschei.ErrConflict, "a build of it is under way already")
		}
		if err != nil {
			return err
		}
		if s.RepoID != 0 {
			if err := settle.WakeFor(ctx, tx, []int64{s.PackageID}, koschei.ServiceBuildResolver); err != nil {
				return err
			}
		}
		return settle.Packages(ctx, tx, []int64{s.PackageID}, s.Now)
	})
	switch {
	case errors.Is(err, koschei.ErrConflict):
		return 0, err
	case err != nil:
		return 0, fmt.Errorf("writing down a build of package %d: %w", s.PackageID, err)
	}
	return buildID, nil
}

// checkVerdict sees to it that a build is made in the repo that its package's
// verdict is about. Verdicts on a new repo are stored before it becomes the
// collection's latest.
func checkVerdict(ctx context.Context, tx pgx.Tx, s *Submission) error {
	if s.RepoID == 0 {
		return nil
	}
	var newer bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT
			FROM resolution a
			JOIN package p ON p.id = a.package_id
			JOIN repo about ON about.collection_id = p.collection_id AND about.repo_id = a.repo_id
			JOIN repo chosen ON chosen.collection_id = p.collection_id AND chosen.repo_id = $2
			WHERE a.package_id = $1 AND about.create_event > chosen.create_event)`, s.PackageID, s.RepoID).Scan(&newer)
	if err == nil && newer {
		return koschei.Refusal(koschei.ErrConflict, "what is known of it is about a newer repo, which is being resolved")
	}
	return err
}

// A trigger is koschei.Priority as table build has it.
type trigger struct {
	Total       float64 `json:"total"`
	Manual      float64 `json:"manual"`
	Static      float64 `json:"static"`
	Dependency  float64 `json:"dependency"`
	Build       float64 `json:"build"`
	Time        float64 `json:"time"`
	Coefficient float64 `json:"coefficient"`
}

func triggerOf(p koschei.Priority) trigger {
	return trigger{p.Total(), p.Manual, p.Static, p.Dependency, p.Build, p.Time, p.Coefficient}
}

// An OpenSubmission is a build of which it is not stored that the hub has it.
type OpenSubmission struct {
	BuildID int64
	Package string
	Started time.Time
}

// OpenSubmissions returns all builds that are submitting, the oldest first.
func (rec *Record) OpenSubmissions(ctx context.Context) ([]OpenSubmission, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT b.id, p.name, b.started
		FROM build b
		JOIN package p ON p.id = b.package_id
		WHERE b.outcome = 'submitting'
		ORDER BY b.id`)
	if err != nil {
		return nil, fmt.Errorf("reading open submissions: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[OpenSubmission])
}

// A KeyedBuild is what is stored of the task of a scratch build.
type KeyedBuild struct {
	ID      int64
	Outcome koschei.Outcome
	TaskID  int64 // 0 if not known
}

// KeyedBuilds returns those of the builds that are scratch builds of ours, by
// their ids, which are the keys to find them by at the hub.
func (rec *Record) KeyedBuilds(ctx context.Context, ids []int64) (map[int64]KeyedBuild, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT id, outcome, coalesce(task_id, 0)
		FROM build
		WHERE id = ANY($1) AND origin = 'scratch' AND copied_from IS NULL`, ids)
	if err != nil {
		return nil, fmt.Errorf("reading tasks of builds: %w", err)
	}
	builds, err := pgx.CollectRows(rows, pgx.RowToStructByPos[KeyedBuild])
	if err != nil {
		return nil, fmt.Errorf("reading tasks of builds: %w", err)
	}
	byID := map[int64]KeyedBuild{}
	for _, b := range builds {
		byID[b.ID] = b
	}
	return byID, nil
}

// PinningRefused returns when a scratch build last failed because the hub does
// not let us choose its repo; zero if none did, or if somebody has said since
// that it does; see edit.Editor.RetryPinning.
func (rec *Record) PinningRefused(ctx context.Context) (time.Time, error) {
	var last *time.Time
	err := rec.db.QueryRow(ctx, `
		SELECT max(finished)
		FROM build
		WHERE outcome = 'infrastructure' AND fault LIKE '%policy violation (build_from_repo_id)%'
			AND finished > coalesce((SELECT max(refused) FROM hub_refusal WHERE what = $1), '-infinity')`, schema.PinningRetried).Scan(&last)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading whether builds may choose their repo: %w", err)
	}
	return postgres.OrZero(last), nil
}
