package view

import (
	"context"
	"fmt"
	"slices"
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

// State says how a delivery goes: it is sent, given up, held or waiting.
func (d *Delivery) State() string {
	switch {
	case !d.Sent.IsZero():
		return "sent"
	case d.Dead:
		return "given up"
	case !d.HeldUntil.IsZero() && d.Attempts == 0:
		return "held"
	default:
		return "waiting"
	}
}

// A DeliveryFilter says which deliveries are asked for.
type DeliveryFilter struct {
	Sink  string // "" for all
	Dead  bool   // only those that were given up
	Limit int
}

// Deliveries returns the newest deliveries first.
func (v *People) Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error) {
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

	Lately []Told `db:"-"` // what repos made news and was sent last, without what was held back
}

// A Told is when news was sent that a repo made.
type Told struct {
	Ready time.Time // domain time from which the repo was there
	Sent  time.Time // real time
}

// Took returns how long it took at most, in domain time, for a share of what was told
// lately, from a repo that is ready to a message that is sent. It is not known if
// nothing was told.
func (s *SinkStatus) Took(clock koschei.Clock, share float64) (took time.Duration, known bool) {
	if len(s.Lately) == 0 {
		return 0, false
	}
	all := make([]time.Duration, len(s.Lately))
	for i, t := range s.Lately {
		all[i] = clock.At(t.Sent).Sub(t.Ready)
	}
	slices.Sort(all)
	return all[min(int(share*float64(len(all))), len(all)-1)], true
}

// mostTold is how many deliveries of a sink are looked at.
const mostTold = 1000

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
	sinks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[SinkStatus])
	if err != nil {
		return nil, err
	}
	return sinks, readTold(ctx, q, sinks)
}

// readTold adds what sinks told lately.
func readTold(ctx context.Context, q postgres.Querier, sinks []SinkStatus) error {
	rows, err := q.Query(ctx, `
		SELECT s.name, r.created, d.sent
		FROM sink s
		CROSS JOIN LATERAL (
			SELECT event_id, sent
			FROM delivery
			WHERE sink = s.name AND sent IS NOT NULL AND held_until IS NULL
			ORDER BY sent DESC
			LIMIT $1
		) d
		JOIN event e ON e.id = d.event_id
		JOIN repo r ON r.collection_id = e.collection_id AND r.created IS NOT NULL AND r.repo_id = CASE e.kind
			WHEN 'collection state' THEN e.repo_id
			WHEN 'package state' THEN (
				SELECT c.repo_id
				FROM resolution_change c
				WHERE c.package_id = e.package_id AND c.changed <= e.at AND 'unresolved' IN (e.before, e.after)
				ORDER BY c.id DESC
				LIMIT 1)
			END`, mostTold)
	if err != nil {
		return err
	}
	at := map[string]int{}
	for i := range sinks {
		at[sinks[i].Name] = i
	}
	var name string
	var told Told
	_, err = pgx.ForEachRow(rows, []any{&name, &told.Ready, &told.Sent}, func() error {
		if i, known := at[name]; known {
			sinks[i].Lately = append(sinks[i].Lately, told)
		}
		return nil
	})
	return err
}
