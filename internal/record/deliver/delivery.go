package deliver

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// OpenSink creates a sink, if there is none of that name, for events from now
// on: what happened before never leaves by it.
func (dv *Deliveries) OpenSink(ctx context.Context, name string, now time.Time) error {
	_, err := dv.db.ExecOne(ctx, `INSERT INTO sink (name, created) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, now)
	if err != nil {
		return fmt.Errorf("creating sink %s: %w", name, err)
	}
	return nil
}

// A Prospect is what a sink makes of one event: one delivery for each key, none
// if nobody is to be told.
type Prospect struct {
	Event koschei.Event
	Keys  []string

	HeldUntil time.Time     // domain time; zero if it is told at once
	Wait      time.Duration // real time until then
}

// NewEvents returns events that were not looked at for a sink yet, at most
// limit, the oldest first.
func (dv *Deliveries) NewEvents(ctx context.Context, sink string, limit int) ([]Prospect, error) {
	rows, err := dv.db.Query(ctx, `
		SELECT `+schema.EventColumns+`
		FROM sink_event s
		JOIN event e ON e.id = s.event_id
		WHERE s.sink = $1
		ORDER BY s.event_id
		LIMIT $2`, sink, limit)
	if err != nil {
		return nil, fmt.Errorf("reading events for sink %s: %w", sink, err)
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Prospect, err error) {
		err = row.Scan(schema.EventFields(&p.Event)...)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading events for sink %s: %w", sink, err)
	}
	return events, nil
}

// Deliver writes down what is to be told of events that NewEvents returned, and
// that they were looked at. Of events that another process has looked at
// meanwhile nothing is written. A key is delivered once.
//
// An event that takes back one that is held is not told, nor is that, nor what
// was between them.
func (dv *Deliveries) Deliver(ctx context.Context, sink string, looked []Prospect) error {
	err := dv.db.Transact(ctx, func(tx pgx.Tx) error {
		ours, err := takeEvents(ctx, tx, sink, looked)
		if err != nil {
			return err
		}
		var news []Prospect
		for _, p := range looked {
			if ours[p.Event.ID] && len(p.Keys) > 0 {
				news = append(news, p)
			}
		}
		return writeDeliveries(ctx, tx, sink, news)
	})
	if err != nil {
		return fmt.Errorf("writing down deliveries of sink %s: %w", sink, err)
	}
	return nil
}

// writeDeliveries stores the deliveries of events, but for those that are taken
// back.
func writeDeliveries(ctx context.Context, tx pgx.Tx, sink string, news []Prospect) error {
	if len(news) == 0 {
		return nil
	}
	waiting, err := untried(ctx, tx, sink, news)
	if err != nil {
		return err
	}
	news, withdrawn := withoutFlips(waiting, news)
	if len(withdrawn) > 0 {
		if _, err := tx.Exec(ctx, `DELETE FROM delivery WHERE sink = $1 AND event_id = ANY($2)`, sink, withdrawn); err != nil {
			return err
		}
	}
	var events []int64
	var keys, subjects []string
	var held []*time.Time
	var waits []time.Duration
	for i := range news {
		p := &news[i]
		for _, key := range p.Keys {
			events, keys, subjects = append(events, p.Event.ID), append(keys, key), append(subjects, p.Event.Subject())
			held, waits = append(held, postgres.OrNull(p.HeldUntil)), append(waits, p.Wait)
		}
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO delivery (sink, event_id, key, subject, held_until, due)
		SELECT @sink, n.event_id, n.key, n.subject, n.held_until, clock_timestamp() + n.wait
		FROM unnest(@events::bigint[], @keys::text[], @subjects::text[], @held::timestamptz[], @waits::interval[])
			WITH ORDINALITY AS n (event_id, key, subject, held_until, wait, place)
		ORDER BY n.place
		ON CONFLICT (sink, key) DO NOTHING`, pgx.NamedArgs{
		"sink": sink, "events": events, "keys": keys, "subjects": subjects, "held": held, "waits": waits,
	})
	return err
}

// ClaimDeliveries returns deliveries of a sink that are due, oldest first, at
// most limit, and keeps them from others for the time it may take to send them:
// retry after the first attempt, twice that after the second, and so on up to an
// hour, each a little longer by chance. What is reported by neither DeliverySent nor DeliveryFailed comes again
// after that, so that everything is sent at least once. Of one subject there is
// at most one: the next follows when it was sent or given up.
func (dv *Deliveries) ClaimDeliveries(ctx context.Context, sink string, limit int, retry time.Duration) (claimed []koschei.Delivery, err error) {
	err = dv.db.Transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			WITH due AS (
				SELECT d.id
				FROM delivery d
				WHERE d.sink = $1 AND d.sent IS NULL AND NOT d.dead AND d.due <= clock_timestamp()
					AND d.id = ( -- asked of each row that is due, in their order: a join would read all that wait
						SELECT min(o.id)
						FROM delivery o
						WHERE o.sink = d.sink AND o.subject = d.subject AND o.sent IS NULL AND NOT o.dead)
				ORDER BY d.due, d.id
				LIMIT $2
				FOR UPDATE OF d SKIP LOCKED
			), claimed AS (
				UPDATE delivery d
				SET attempts = d.attempts + 1,
					due = clock_timestamp() + (1 + random() / 4) * least($3::interval * power(2, least(d.attempts, 20)), interval '1 hour')
				FROM due
				WHERE d.id = due.id AND d.sent IS NULL AND NOT d.dead AND d.due <= clock_timestamp()
				RETURNING d.id, d.sink, d.key, d.message_id, d.attempts, d.event_id
			)
			SELECT d.id, d.sink, d.key, d.message_id::text, d.attempts, `+schema.EventColumns+`
			FROM claimed d
			JOIN event e ON e.id = d.event_id
			ORDER BY d.id`, sink, limit, retry)
		if err != nil {
			return err
		}
		claimed, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (d koschei.Delivery, err error) {
			err = row.Scan(append([]any{&d.ID, &d.Sink, &d.Key, &d.MessageID, &d.Attempts}, schema.EventFields(&d.Event)...)...)
			return d, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claiming deliveries of sink %s: %w", sink, err)
	}
	return claimed, nil
}

// DeliverySent notes that a delivery has arrived.
func (dv *Deliveries) DeliverySent(ctx context.Context, id int64) error {
	_, err := dv.db.ExecOne(ctx, `UPDATE delivery SET sent = clock_timestamp(), error = '' WHERE id = $1 AND sent IS NULL`, id)
	if err != nil {
		return fmt.Errorf("noting that delivery %d was sent: %w", id, err)
	}
	return nil
}

// DeliveryFailed notes why a delivery did not arrive. It is tried again unless
// it is given up, at the earliest after wait (real time).
func (dv *Deliveries) DeliveryFailed(ctx context.Context, id int64, why error, giveUp bool, wait time.Duration) error {
	_, err := dv.db.ExecOne(ctx, `
		UPDATE delivery
		SET error = $2, dead = $3, due = greatest(due, clock_timestamp() + $4::interval)
		WHERE id = $1 AND sent IS NULL`, id, why.Error(), giveUp, wait)
	if err != nil {
		return fmt.Errorf("noting that delivery %d failed: %w", id, err)
	}
	return nil
}

// Beat says whether it is time for a sink to say that somebody is there, because
// nobody did for a while (real time). Of several processes that ask, one is told
// so.
func (dv *Deliveries) Beat(ctx context.Context, sink string, every time.Duration) (bool, error) {
	n, err := dv.db.ExecOne(ctx, `
		UPDATE sink
		SET heartbeat = clock_timestamp()
		WHERE name = $1 AND coalesce(heartbeat + $2::interval <= clock_timestamp(), true)`, sink, every)
	if err != nil {
		return false, fmt.Errorf("asking for the heartbeat of sink %s: %w", sink, err)
	}
	return n > 0, nil
}
