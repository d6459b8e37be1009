package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Message is something the world is to hear of, kept until it was sent.
type Message struct {
	ID       int64
	Topic    string
	Body     json.RawMessage
	Created  time.Time // domain time of what it tells
	Attempts int       // to send it, this one included
}

// enqueue puts messages of one topic into the outbox; they exist if tx commits.
func enqueue(ctx context.Context, tx pgx.Tx, topic string, bodies []any, now time.Time) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"outbox"}, []string{"topic", "body", "created"},
		pgx.CopyFromSlice(len(bodies), func(i int) ([]any, error) {
			body, err := json.Marshal(bodies[i])
			return []any{topic, body, now}, err
		}))
	if err != nil {
		return fmt.Errorf("writing messages to the outbox: %w", err)
	}
	return nil
}

// ClaimMessages returns messages that are due, oldest first, and keeps them
// from others for the time it may take to send them: retry after the first
// attempt, twice that after the second, and so on up to an hour. A claimed
// message that is not reported by MessageSent comes again after that, so that
// every message is sent at least once.
func (db *DB) ClaimMessages(ctx context.Context, limit int, retry time.Duration) (messages []Message, err error) {
	err = db.transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			WITH due AS (
				SELECT id
				FROM outbox
				WHERE sent IS NULL AND due <= clock_timestamp()
				ORDER BY due, id
				LIMIT $1
				FOR UPDATE SKIP LOCKED
			), claimed AS (
				UPDATE outbox
				SET attempts = outbox.attempts + 1,
					due = clock_timestamp() + least($2::interval * power(2, least(outbox.attempts, 20)), interval '1 hour')
				FROM due
				WHERE outbox.id = due.id
				RETURNING outbox.id, outbox.topic, outbox.body, outbox.created, outbox.attempts
			)
			SELECT id, topic, body, created, attempts
			FROM claimed
			ORDER BY id`, limit, retry)
		if err != nil {
			return err
		}
		messages, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Message])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claiming messages of the outbox: %w", err)
	}
	return messages, nil
}

// MessageSent notes that a message has left.
func (db *DB) MessageSent(ctx context.Context, id int64) error {
	err := db.transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE outbox SET sent = clock_timestamp() WHERE id = $1 AND sent IS NULL`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("noting that message %d was sent: %w", id, err)
	}
	return nil
}
