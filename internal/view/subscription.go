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

// A Reader is what one user wants to hear of, and how that goes.
type Reader struct {
	Subscriptions []koschei.Subscription // in the order in which they were made
	Silences      []koschei.Silence      // that last
	Address       string                 // "" if mail goes to the usual one
	Disabled      time.Time              // when mail was given up, the database's own time; zero if it is sent
	Reason        string                 // for that

	Hook         string    // address of the user's web hook; "" if there is none
	HookSecret   string    // the newest, which is the user's to know
	HookDisabled time.Time // when it was given up, the database's own time; zero if it is called
	HookReason   string    // for that
}

// Reader returns what a user wants to hear of; nothing if there is no such user.
func (v *People) Reader(ctx context.Context, user string, now time.Time) (*Reader, error) {
	r := &Reader{}
	err := v.db.Read(ctx, func(q postgres.Querier) (err error) {
		if r.Subscriptions, err = readSubscriptions(ctx, q, user); err != nil {
			return err
		}
		rows, err := q.Query(ctx, `
			SELECT u.name, q.what, q.name, q.until
			FROM silence q
			JOIN users u ON u.id = q.user_id
			WHERE u.name = $1 AND q.until > $2
			ORDER BY q.until, q.what, q.name`, user, now)
		if err != nil {
			return err
		}
		if r.Silences, err = pgx.CollectRows(rows, pgx.RowToStructByPos[koschei.Silence]); err != nil {
			return err
		}
		rows, err = q.Query(ctx, `
			SELECT m.address, m.disabled, m.reason
			FROM mailbox m
			JOIN users u ON u.id = m.user_id
			WHERE u.name = $1`, user)
		if err != nil {
			return err
		}
		var disabled *time.Time
		_, err = pgx.ForEachRow(rows, []any{&r.Address, &disabled, &r.Reason}, func() error {
			r.Disabled = postgres.OrZero(disabled)
			return nil
		})
		if err != nil {
			return err
		}
		rows, err = q.Query(ctx, `
			SELECT h.url, split_part(h.secrets, E'\n', 1), h.disabled, h.reason
			FROM hook h
			JOIN users u ON u.id = h.user_id
			WHERE u.name = $1`, user)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, []any{&r.Hook, &r.HookSecret, &disabled, &r.HookReason}, func() error {
			r.HookDisabled = postgres.OrZero(disabled)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what %s follows: %w", user, err)
	}
	return r, nil
}

// Subscriptions returns those of a user, or with "" those of all.
func (v *People) Subscriptions(ctx context.Context, user string) ([]koschei.Subscription, error) {
	all, err := readSubscriptions(ctx, v.db, user)
	if err != nil {
		return nil, fmt.Errorf("reading subscriptions: %w", err)
	}
	return all, nil
}

func readSubscriptions(ctx context.Context, q postgres.Querier, user string) ([]koschei.Subscription, error) {
	rows, err := q.Query(ctx, `
		SELECT `+schema.SubscriptionColumns+`
		FROM subscription s
		JOIN users u ON u.id = s.user_id
		WHERE $1 = '' OR u.name = $1
		ORDER BY u.name, s.id`, user)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s koschei.Subscription, err error) {
		err = row.Scan(schema.SubscriptionFields(&s)...)
		return s, err
	})
}

// SubscriptionByToken returns the subscription that has a token, or an error that
// wraps koschei.ErrNotFound.
func (v *People) SubscriptionByToken(ctx context.Context, token string) (*koschei.Subscription, error) {
	s := &koschei.Subscription{}
	err := v.db.QueryRow(ctx, `
		SELECT `+schema.SubscriptionColumns+`
		FROM subscription s
		JOIN users u ON u.id = s.user_id
		WHERE s.token = $1`, token).Scan(schema.SubscriptionFields(s)...)
	if err != nil {
		return nil, postgres.NotFound(err, "this subscription")
	}
	return s, nil
}
