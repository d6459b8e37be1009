-- How long a lease was taken for. One that would last for much longer was taken
-- before the clock was set back.

-- +goose Up

ALTER TABLE lease ADD length interval NOT NULL DEFAULT '1 day';

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
