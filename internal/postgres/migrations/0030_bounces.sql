-- Letters that were taken by a mail server and came back later.

-- +goose Up

ALTER TABLE letter ADD COLUMN bounced boolean NOT NULL DEFAULT false;
ALTER TABLE mailbox ADD COLUMN bounces integer NOT NULL DEFAULT 0; -- since there was a month without one
ALTER TABLE mailbox ADD COLUMN last_bounce timestamptz; -- the database's own time
CREATE INDEX delivery_message ON delivery (message_id);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
