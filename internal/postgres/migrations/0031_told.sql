-- What a sink sent last is looked at for how long it took.

-- +goose Up

CREATE INDEX delivery_sent ON delivery (sink, sent DESC) WHERE sent IS NOT NULL AND held_until IS NULL;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
