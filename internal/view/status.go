package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A Status is how the record as a whole stands.
type Status struct {
	Notice      string
	Admins      []string
	Collections []CollectionStatus     // in the order pages show them
	Leases      []postgres.LeaseStatus // held now, by name
	Starts      []schema.ServiceStarts // of services within StartsWithin, by name
	Findings    []koschei.Finding      // of the self-check, those that last first
	Sinks       []SinkStatus           // ways by which events leave, by name
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

	// Of its metadata, entries that nobody can read: how many, and the first of them.
	LeftOut      int
	LeftOutFirst []string

	States  map[koschei.State]int
	Running int // builds under way
	Due     int // packages that may be built and whose priority reaches the threshold
	Held    int // packages that the scheduler passes over for a while
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
func (v *View) Status(ctx context.Context, ranking schema.Ranking) (*Status, error) {
	s := &Status{}
	err := v.db.Read(ctx, func(q postgres.Querier) error {
		err := q.QueryRow(ctx, `SELECT coalesce((SELECT content FROM notice WHERE key = $1), '')`, schema.NoticeKey).Scan(&s.Notice)
		if err != nil {
			return err
		}
		if s.Admins, err = postgres.QueryNames(ctx, q, `SELECT name FROM users WHERE admin`); err != nil {
			return err
		}
		if s.Collections, err = collectionStatus(ctx, q, ranking); err != nil {
			return err
		}
		fresh, err := schema.ReadFreshness(ctx, q, 0)
		if err != nil {
			return err
		}
		for i := range s.Collections {
			s.Collections[i].Fresh = fresh[s.Collections[i].ID]
		}
		return readProcesses(ctx, q, s)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the status: %w", err)
	}
	return s, nil
}

// readProcesses reads how services and their work stand.
func readProcesses(ctx context.Context, q postgres.Querier, s *Status) (err error) {
	if s.Leases, err = postgres.HeldLeases(ctx, q); err != nil {
		return err
	}
	rows, err := q.Query(ctx, schema.ServiceStartsWithin, StartsWithin)
	if err != nil {
		return err
	}
	if s.Starts, err = pgx.CollectRows(rows, pgx.RowToStructByPos[schema.ServiceStarts]); err != nil {
		return err
	}
	if s.Findings, err = readFindings(ctx, q); err != nil {
		return err
	}
	if s.Sinks, err = readSinks(ctx, q); err != nil {
		return err
	}
	return readBacklog(ctx, q, &s.Backlog)
}

func collectionStatus(ctx context.Context, q postgres.Querier, ranking schema.Ranking) ([]CollectionStatus, error) {
	a, b := ranking.Rules.TimeCoefficients()
	rows, err := q.Query(ctx, `
		SELECT c.id, c.name, c.display_name, c.max_builds, c.latest_repo_resolved, c.latest_repo_id, c.latest_repo_event, r.created, r.solved,
			coalesce(r.left_out, 0), coalesce(r.left_out_first, '{}'),
			coalesce((
				SELECT jsonb_object_agg(state, n)
				FROM (SELECT state, count(*) AS n FROM package WHERE collection_id = c.id GROUP BY state) s), '{}'),
			count(p.id) FILTER (WHERE p.running),
			count(p.id) FILTER (WHERE p.schedulable AND c.latest_repo_resolved = 'resolved' AND `+schema.Priority+` >= @threshold),
			count(p.id) FILTER (WHERE p.hold_until > @now AND p.tracked AND NOT p.blocked)
		FROM collection c
		LEFT JOIN repo r ON r.collection_id = c.id AND r.repo_id = c.latest_repo_id
		LEFT JOIN package p ON p.collection_id = c.id
		LEFT JOIN resolution a ON a.package_id = p.id
		GROUP BY c.id, r.created, r.solved, r.left_out, r.left_out_first
		ORDER BY c."order" DESC, c.name DESC`,
		pgx.NamedArgs{"now": ranking.Now, "a": a, "b": b, "threshold": ranking.Rules.BuildThreshold})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (CollectionStatus, error) {
		var s CollectionStatus
		var c koschei.Collection
		var created, solved *time.Time
		err := row.Scan(&s.ID, &s.Name, &s.DisplayName, &s.MaxBuilds, &c.LatestRepoResolved, &s.RepoID, &s.RepoEvent, &created, &solved,
			&s.LeftOut, &s.LeftOutFirst, &s.States, &s.Running, &s.Due, &s.Held)
		s.State, s.RepoCreated, s.RepoSolved = c.State(), postgres.OrZero(created), postgres.OrZero(solved)
		return s, err
	})
}

func readBacklog(ctx context.Context, q postgres.Querier, b *Backlog) error {
	err := q.QueryRow(ctx, `
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
