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

// A Wanted is an event that a subscription asks for, and for how long (real time)
// its user is not told of it yet.
type Wanted struct {
	Event        *koschei.Event
	Subscription koschei.Subscription
	Cause        string // see koschei.CauseOf
	Wait         time.Duration
}

// Wants returns which subscriptions of a sink ask for which events of states. What
// their users have silenced, or whose mail or hook is refused, is left out.
func (dv *Deliveries) Wants(ctx context.Context, sink string, events []Prospect, now time.Time) ([]Wanted, error) {
	byID := map[int64]*koschei.Event{}
	var ids []int64
	for i := range events {
		e := &events[i].Event
		byID[e.ID], ids = e, append(ids, e.ID)
	}
	causes, err := dv.causes(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("reading causes of events: %w", err)
	}
	rows, err := dv.db.Query(ctx, `
		SELECT e.id, ARRAY(
				SELECT q.name FROM silence q WHERE q.user_id = s.user_id AND q.what = 'cause' AND q.until > $3
			), `+schema.SubscriptionColumns+`
		FROM event e
		JOIN subscription s ON s.sink = $1 AND (s.collection = '' OR s.collection = e.collection) AND CASE s.scope
			WHEN 'package' THEN s.name = e.package
			WHEN 'collection' THEN s.name = e.collection
			WHEN 'buildroot' THEN s.name = e.collection AND e.package = ''
			WHEN 'owner' THEN EXISTS (SELECT FROM package_owner o WHERE o.name = e.package AND o.owner = s.name)
			WHEN 'group' THEN EXISTS (`+ofGroup+` AND `+fullName+` = s.name)
			WHEN 'update' THEN `+byUpdate+`
			END
		JOIN users u ON u.id = s.user_id
		LEFT JOIN mailbox m ON m.user_id = u.id
		LEFT JOIN hook h ON h.user_id = u.id
		WHERE e.id = ANY($2) AND e.kind IN ('package state', 'collection state') AND CASE s.sink WHEN 'hook' THEN h.url IS NOT NULL AND h.disabled IS NULL ELSE m.disabled IS NULL END
			AND NOT EXISTS (
				SELECT
				FROM silence q
				WHERE q.user_id = s.user_id AND q.until > $3 AND e.package <> ''
					AND (q.what = 'package' AND q.name = e.package
						OR q.what = 'group' AND EXISTS (`+ofGroup+` AND `+fullName+` = q.name)))
		ORDER BY e.id, s.id`, sink, ids, now)
	if err != nil {
		return nil, fmt.Errorf("reading subscriptions of sink %s: %w", sink, err)
	}
	var wanted []Wanted
	var id int64
	var silenced []string
	var s koschei.Subscription
	_, err = pgx.ForEachRow(rows, append([]any{&id, &silenced}, schema.SubscriptionFields(&s)...), func() error {
		for _, cause := range silenced {
			if cause == causes[id] {
				return nil
			}
		}
		wanted = append(wanted, Wanted{Event: byID[id], Subscription: s, Cause: causes[id]})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading subscriptions of sink %s: %w", sink, err)
	}
	return wanted, nil
}

// ofGroup are the groups g of the package that an event e is about, and fullName
// what such a group is called.
const (
	ofGroup = `SELECT FROM base_package b
				JOIN package_group_member gm ON gm.base_id = b.id
				JOIN package_group g ON g.id = gm.group_id
				WHERE b.name = e.package`
	fullName = `CASE g.namespace WHEN '' THEN '' ELSE g.namespace || '/' END || g.name`
)

// byUpdate says whether an event e tells that an update of source package s.name broke
// a package, as far as that is known, or that what a subscription s was told of as
// broken is no longer.
const byUpdate = `CASE e.after
				WHEN 'unresolved' THEN EXISTS (
					SELECT FROM unmet_package x JOIN unmet u ON u.id = x.unmet_id WHERE x.package_id = e.package_id AND u.source = s.name)
				WHEN 'failing' THEN EXISTS (
					SELECT
					FROM package p
					JOIN applied_change a ON a.build_id = p.last_complete_build_id AND a.broke
					CROSS JOIN LATERAL unnest(a.prev || a.curr) AS c (id)
					JOIN nevra n ON n.id = c.id
					WHERE p.id = e.package_id AND n.source = s.name)
				ELSE EXISTS (
					SELECT
					FROM letter l
					JOIN letter_event x ON x.delivery_id = l.delivery_id
					JOIN event o ON o.id = x.event_id
					WHERE l.subscription_id = s.id AND o.package_id = e.package_id)
				END`

// causes returns why packages became unresolved, by event.
func (dv *Deliveries) causes(ctx context.Context, events []int64) (map[int64]string, error) {
	rows, err := dv.db.Query(ctx, `
		SELECT e.id, coalesce(r.problems, '{}')
		FROM event e
		LEFT JOIN LATERAL (
			SELECT c.problems
			FROM resolution_change c
			WHERE c.package_id = e.package_id AND c.changed <= e.at
			ORDER BY c.id DESC
			LIMIT 1
		) r ON true
		WHERE e.id = ANY($1) AND e.kind = 'package state' AND e.after = 'unresolved'`, events)
	if err != nil {
		return nil, err
	}
	causes := map[int64]string{}
	var id int64
	var problems []string
	_, err = pgx.ForEachRow(rows, []any{&id, &problems}, func() error {
		causes[id] = koschei.CauseOf(problems)
		return nil
	})
	return causes, err
}

// Await writes down what subscriptions ask for of events that NewEvents returned,
// and that they were looked at. Of events that another process has looked at
// meanwhile nothing is written.
func (dv *Deliveries) Await(ctx context.Context, sink string, looked []Prospect, wanted []Wanted) error {
	err := dv.db.Transact(ctx, func(tx pgx.Tx) error {
		ours, err := takeEvents(ctx, tx, sink, looked)
		if err != nil {
			return err
		}
		var subscriptions, events []int64
		var causes []string
		var waits []time.Duration
		for i := range wanted {
			if w := &wanted[i]; ours[w.Event.ID] {
				subscriptions, events = append(subscriptions, w.Subscription.ID), append(events, w.Event.ID)
				causes, waits = append(causes, w.Cause), append(waits, w.Wait)
			}
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO awaited (subscription_id, event_id, cause, due)
			SELECT s.id, n.event_id, n.cause, clock_timestamp() + n.wait
			FROM unnest(@subscriptions::bigint[], @events::bigint[], @causes::text[], @waits::interval[])
				AS n (subscription_id, event_id, cause, wait)
			JOIN subscription s ON s.id = n.subscription_id -- one may have ended meanwhile
			ON CONFLICT DO NOTHING`, pgx.NamedArgs{
			"subscriptions": subscriptions, "events": events, "causes": causes, "waits": waits,
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("writing down what subscriptions of sink %s ask for: %w", sink, err)
	}
	return nil
}

// takeEvents notes that events were looked at for a sink and returns which of them
// nobody else has looked at.
func takeEvents(ctx context.Context, tx pgx.Tx, sink string, looked []Prospect) (ours map[int64]bool, err error) {
	// One after the other: what is about one subject is written in its order.
	if _, err := tx.Exec(ctx, `SELECT name FROM sink WHERE name = $1 FOR NO KEY UPDATE`, sink); err != nil {
		return nil, err
	}
	events := make([]int64, len(looked))
	for i := range looked {
		events[i] = looked[i].Event.ID
	}
	ids, err := postgres.CollectIDs(tx.Query(ctx, `
		DELETE FROM sink_event
		WHERE sink = $1 AND event_id = ANY($2)
		RETURNING event_id`, sink, events))
	ours = map[int64]bool{}
	for _, id := range ids {
		ours[id] = true
	}
	return ours, err
}
