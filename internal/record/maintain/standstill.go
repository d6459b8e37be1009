package maintain

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
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
func (mt *Maintenance) QueueStatuses(ctx context.Context, ranking schema.Ranking) ([]QueueStatus, error) {
	collections, err := mt.Record.Collections(ctx)
	if err != nil {
		return nil, err
	}
	running, err := mt.Record.ScratchBuildsRunning(ctx)
	if err != nil {
		return nil, err
	}
	queues := make([]QueueStatus, len(collections))
	for i, c := range collections {
		q := QueueStatus{Collection: c, Running: running[c.ID]}
		next, err := mt.Record.Schedulable(ctx, c.ID, ranking, 1)
		if err != nil {
			return nil, err
		}
		if len(next) > 0 {
			q.Next = next[0].Name
			if q.Submitted, err = mt.lastSubmission(ctx, c.ID); err != nil {
				return nil, err
			}
		}
		queues[i] = q
	}
	return queues, nil
}

func (mt *Maintenance) lastSubmission(ctx context.Context, collectionID int64) (time.Time, error) {
	var started *time.Time
	err := mt.db.QueryRow(ctx, `
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
	return postgres.OrZero(started), nil
}

// ForgetLeases removes leases that ran out longer ago than after (real time),
// and starts of services longer ago than that, thirty times. A later lease of
// the same name has a later term all the same.
func (mt *Fenced) ForgetLeases(ctx context.Context, after time.Duration) error {
	err := mt.db.Transact(ctx, func(tx pgx.Tx) error {
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

// ServiceStarts returns how often services were started within a time (real
// time), by name.
func (mt *Maintenance) ServiceStarts(ctx context.Context, within time.Duration) ([]schema.ServiceStarts, error) {
	rows, err := mt.db.Query(ctx, schema.ServiceStartsWithin, within)
	if err != nil {
		return nil, fmt.Errorf("counting starts of services: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[schema.ServiceStarts])
}
