package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A Status is how the record as a whole stands.
type Status struct {
	Notice      string
	Admins      []string
	Collections []CollectionStatus // in the order pages show them
	Leases      []LeaseStatus      // held now, by name
	Starts      []ServiceStarts    // of services within StartsWithin, by name
	Findings    []koschei.Finding  // of the self-check, those that last first
	Backlog     Backlog
}

// StartsWithin is the real time of whose starts of services a Status tells.
const StartsWithin = 24 * time.Hour

// A CollectionStatus is how fresh a collection is and what it has to do.
type CollectionStatus struct {
	ID          int64
	Name        string
	DisplayName string
	MaxBuilds   int // scratch builds under way at once; 0 is no limit of its own
	Fresh       koschei.Freshness
	State       koschei.State // of the base buildroot
	RepoID      int64         // the latest looked at; 0 if none
	RepoEvent   int64
	RepoCreated time.Time // zero if there is none
	RepoSolved  time.Time // when it was looked at; zero if there is none
	States      map[koschei.State]int
	Running     int // builds under way
	Due         int // packages that may be built and whose priority reaches the threshold
	Held        int // packages that the scheduler passes over for a while
}

// A LeaseStatus is one lease that somebody holds.
type LeaseStatus struct {
	Name    string
	Holder  Holder
	Term    int64
	Expires time.Duration // from now, real time
}

// A Backlog is work that waits for a service.
type Backlog struct {
	Submitting     int           // builds of which it is not known that the hub has them
	BuildsPending  int           // builds whose dependencies are not known yet, though their repo is
	PackagesDue    int           // tracked packages whose dependencies were never resolved
	Deliveries     int           // events that are still to be told by some sink
	OldestDelivery time.Duration // for how long the first of them has waited, real time; 0 if none waits
	DeadDeliveries int           // deliveries that were given up
}

// Status reads how things stand at a domain time.
func (db *DB) Status(ctx context.Context, ranking Ranking) (*Status, error) {
	s := &Status{}
	err := db.read(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT coalesce((SELECT content FROM notice WHERE key = $1), '')`, noticeKey).Scan(&s.Notice)
		if err != nil {
			return err
		}
		if s.Admins, err = queryNames(ctx, tx, `SELECT name FROM users WHERE admin`); err != nil {
			return err
		}
		if s.Collections, err = collectionStatus(ctx, tx, ranking); err != nil {
			return err
		}
		fresh, err := readFreshness(ctx, tx, 0)
		if err != nil {
			return err
		}
		for i := range s.Collections {
			s.Collections[i].Fresh = fresh[s.Collections[i].ID]
		}
		return readProcesses(ctx, tx, s)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the status: %w", err)
	}
	return s, nil
}

// readProcesses reads how services and their work stand.
func readProcesses(ctx context.Context, tx pgx.Tx, s *Status) (err error) {
	if s.Leases, err = leaseStatus(ctx, tx); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, serviceStarts, StartsWithin)
	if err != nil {
		return err
	}
	if s.Starts, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ServiceStarts]); err != nil {
		return err
	}
	if s.Findings, err = readFindings(ctx, tx); err != nil {
		return err
	}
	return readBacklog(ctx, tx, &s.Backlog)
}

func collectionStatus(ctx context.Context, tx pgx.Tx, ranking Ranking) ([]CollectionStatus, error) {
	a, b := ranking.Rules.TimeCoefficients()
	rows, err := tx.Query(ctx, `
		SELECT c.id, c.name, c.display_name, c.max_builds, c.latest_repo_resolved, c.latest_repo_id, c.latest_repo_event, r.created, r.solved,
			coalesce((
				SELECT jsonb_object_agg(state, n)
				FROM (SELECT state, count(*) AS n FROM package WHERE collection_id = c.id GROUP BY state) s), '{}'),
			count(p.id) FILTER (WHERE p.running),
			count(p.id) FILTER (WHERE p.schedulable AND c.latest_repo_resolved = 'resolved' AND `+priority+` >= @threshold),
			count(p.id) FILTER (WHERE p.hold_until > @now AND p.tracked AND NOT p.blocked)
		FROM collection c
		LEFT JOIN repo r ON r.collection_id = c.id AND r.repo_id = c.latest_repo_id
		LEFT JOIN package p ON p.collection_id = c.id
		LEFT JOIN resolution a ON a.package_id = p.id
		GROUP BY c.id, r.created, r.solved
		ORDER BY c."order" DESC, c.name DESC`,
		pgx.NamedArgs{"now": ranking.Now, "a": a, "b": b, "threshold": ranking.Rules.BuildThreshold})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (CollectionStatus, error) {
		var s CollectionStatus
		var c koschei.Collection
		var created, solved *time.Time
		err := row.Scan(&s.ID, &s.Name, &s.DisplayName, &s.MaxBuilds, &c.LatestRepoResolved, &s.RepoID, &s.RepoEvent, &created, &solved, &s.States,
			&s.Running, &s.Due, &s.Held)
		s.State, s.RepoCreated, s.RepoSolved = c.State(), orZero(created), orZero(solved)
		return s, err
	})
}

func leaseStatus(ctx context.Context, tx pgx.Tx) ([]LeaseStatus, error) {
	rows, err := tx.Query(ctx, `
		SELECT l.name, l.holder, l.term, l.expires - clock_timestamp()
		FROM lease l
		WHERE `+leaseHeld+`
		ORDER BY l.name`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[LeaseStatus])
}

func readBacklog(ctx context.Context, tx pgx.Tx, b *Backlog) error {
	err := tx.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM build WHERE outcome = 'submitting'),
			(SELECT count(*) FROM build WHERE deps = 'pending' AND repo_id IS NOT NULL),
			(SELECT count(*) FROM package
				WHERE tracked AND NOT blocked AND NOT skip_resolution AND resolution = 'unattempted' AND last_build_id IS NOT NULL),
			(SELECT count(*) FROM delivery WHERE sent IS NULL AND NOT dead),
			(SELECT coalesce(clock_timestamp() - min(created), '0') FROM delivery WHERE sent IS NULL AND NOT dead),
			(SELECT count(*) FROM delivery WHERE dead)`,
	).Scan(&b.Submitting, &b.BuildsPending, &b.PackagesDue, &b.Deliveries, &b.OldestDelivery, &b.DeadDeliveries)
	return err
}

// RetryPackages asks for new builds of packages as soon as their turn comes:
// what held them back is forgotten and their manual priority raised to at least
// the given one. Unknown packages are as for TrackPackages.
func (db *DB) RetryPackages(ctx context.Context, act Act, collection string, names []string, raise int) ([]string, error) {
	return db.changePackages(ctx, act, collection, names, false, func(tx pgx.Tx, log *audit, ids []int64) error {
		changed, err := queryNames(ctx, tx, `
			UPDATE package
			SET `+notHeld+`, faults = 0, manual_priority = greatest(manual_priority, $2)
			WHERE id = ANY($1) AND (hold_reason <> '' OR hold_until IS NOT NULL OR faults <> 0 OR manual_priority < $2)
			RETURNING name`, ids, raise)
		for _, name := range changed {
			log.add(collection, name, "package %s (collection %s): another build requested", name, collection)
		}
		return err
	})
}
