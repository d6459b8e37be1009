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

// A Delivery is an event on its way out, and how that goes.
type Delivery struct {
	koschei.Delivery

	Created   time.Time // as Due and Sent, the database's own time
	Due       time.Time // when it is tried next, unless it was sent or given up
	Sent      time.Time // zero if it was not
	Dead      bool      // given up
	HeldUntil time.Time // domain time; zero if it is not held
	Error     string    // of the last attempt
}

// A DeliveryFilter says which deliveries are asked for.
type DeliveryFilter struct {
	Sink  string // "" for all
	Dead  bool   // only those that were given up
	Limit int
}

// Deliveries returns the newest deliveries first.
func (v *View) Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error) {
	rows, err := v.db.Query(ctx, `
		SELECT d.id, d.sink, d.key, d.message_id::text, d.attempts, d.created, d.due, d.sent, d.dead, d.held_until, d.error,
			`+schema.EventColumns+`
		FROM delivery d
		JOIN event e ON e.id = d.event_id
		WHERE ($1 = '' OR d.sink = $1) AND (NOT $2 OR d.dead)
		ORDER BY d.id DESC
		LIMIT $3`, f.Sink, f.Dead, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("reading deliveries: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Delivery, err error) {
		var sent, held *time.Time
		err = row.Scan(append([]any{
			&d.ID, &d.Sink, &d.Key, &d.MessageID, &d.Attempts, &d.Created, &d.Due, &sent, &d.Dead, &held, &d.Error,
		}, schema.EventFields(&d.Event)...)...)
		d.Sent, d.HeldUntil = postgres.OrZero(sent), postgres.OrZero(held)
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading deliveries: %w", err)
	}
	return all, nil
}

// A SinkStatus is how deliveries by a sink go.
type SinkStatus struct {
	Name    string
	Waiting int           // neither sent nor given up
	Oldest  time.Duration // for how long the first of them has waited, real time; 0 if none waits
	Dead    int           // given up
}

func readSinks(ctx context.Context, q postgres.Querier) ([]SinkStatus, error) {
	rows, err := q.Query(ctx, `
		SELECT s.name, count(d.id) FILTER (WHERE NOT d.dead),
			coalesce(clock_timestamp() - min(d.created) FILTER (WHERE NOT d.dead), '0'), count(d.id) FILTER (WHERE d.dead)
		FROM sink s
		LEFT JOIN delivery d ON d.sink = s.name AND d.sent IS NULL
		GROUP BY s.name
		ORDER BY s.name`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[SinkStatus])
}
