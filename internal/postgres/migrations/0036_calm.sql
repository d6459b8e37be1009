-- Since when as many packages are doubted as now. A tag that was filled, but for a
-- few packages, need not wait for anybody's word.

-- +goose Up

ALTER TABLE doubt ADD steady timestamptz NOT NULL DEFAULT '-infinity'; -- domain time
UPDATE doubt SET steady = seen;
ALTER TABLE doubt ALTER steady DROP DEFAULT;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
