-- +goose Up

-- Whether the scheduler submits nothing of a collection, because an operator says so.
ALTER TABLE collection ADD paused boolean NOT NULL DEFAULT false;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
