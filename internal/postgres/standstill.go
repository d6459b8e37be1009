package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A QueueStatus is what waits to be built of a collection that could be.
type QueueStatus struct {
	Collection koschei.Collection
	Next       string    // the package most worth building, "" if nothing is
	Running    int       // scratch builds under way
	Submitted  time.Time // when the newest scratch build was; zero if there is none among the last
}

// lookedBack is how many builds are looked through for a scratch build of a
// collection.
const lookedBack = 100000

// QueueStatuses tells how it stands with the queue of each collection.
func (db *DB) QueueStatuses(ctx context.Context, ranking Ranking) ([]QueueStatus, error) {
	collections, err := db.Collections(ctx)
	if err != nil {
		return nil, err
	}
	running, err := db.ScratchBuildsRunning(ctx)
	if err != nil {
		return nil, err
	}
	queues := make([]QueueStatus, len(collections))
	for i, c := range collections {
		q := QueueStatus{Collection: c, Running: running[c.ID]}
		next, err := db.Schedulable(ctx, c.ID, ranking, 1)
		if err != nil {
			return nil, err
		}
		if len(next) > 0 {
			q.Next = next[0].Name
			if q.Submitted, err = db.lastSubmission(ctx, c.ID); err != nil {
				return nil, err
			}
		}
		queues[i] = q
	}
	return queues, nil
}

func (db *DB) lastSubmission(ctx context.Context, collectionID int64) (time.Time, error) {
	var started *time.Time
	err := db.pool.QueryRow(ctx, `
		SELECT max(n.started)
		FROM (
			SELECT b.started
			FROM build b
			JOIN package p ON p.id = b.package_id
			WHERE b.id > (SELECT max(id) FROM build) - $2::bigint
				AND b.origin = 'scratch' AND b.copied_from IS NULL AND p.collection_id = $1
			ORDER BY b.id DESC
			LIMIT 1
		) n`, collectionID, lookedBack).Scan(&started)
	if err != nil {
		return time.Time{}, fmt.Errorf("looking for the last submission: %w", err)
	}
	return orZero(started), nil
}

// DeadLeases returns the leases that ran out longer ago than after (real time)
// without having been released or taken over. Expires is negative.
func (db *DB) DeadLeases(ctx context.Context, after time.Duration) ([]LeaseStatus, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT name, holder, term, expires - clock_timestamp()
		FROM lease
		WHERE NOT released AND expires < clock_timestamp() - $1::interval
		ORDER BY name`, after)
	if err != nil {
		return nil, fmt.Errorf("looking for leases of the dead: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[LeaseStatus])
}

// ForgetLeases removes leases that ran out longer ago than after (real time),
// and starts of services longer ago than that, thirty times. A later lease of
// the same name has a later term all the same.
func (db *Fenced) ForgetLeases(ctx context.Context, after time.Duration) error {
	err := db.transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM lease WHERE expires < clock_timestamp() - $1::interval`, after)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM service_start WHERE started < clock_timestamp() - 30 * $1::interval`, after)
		return err
	})
	if err != nil {
		return fmt.Errorf("removing leases that ran out: %w", err)
	}
	return nil
}

// A ServiceStarts is how often a service was started lately.
type ServiceStarts struct {
	Service koschei.Service
	Count   int
	Holder  Holder        // the last that did
	Ago     time.Duration // real time
}

const serviceStarts = `
	SELECT service, count(*), (array_agg(holder ORDER BY started DESC, id DESC))[1], clock_timestamp() - max(started)
	FROM service_start
	WHERE started > clock_timestamp() - $1::interval
	GROUP BY service
	ORDER BY service`

// ServiceStarts returns how often services were started within a time (real
// time), by name.
func (db *DB) ServiceStarts(ctx context.Context, within time.Duration) ([]ServiceStarts, error) {
	rows, err := db.pool.Query(ctx, serviceStarts, within)
	if err != nil {
		return nil, fmt.Errorf("counting starts of services: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[ServiceStarts])
}
