-- The scheduler looks for lost builds again and again; they are few.

-- +goose Up

CREATE INDEX build_lost ON build (started)
    WHERE outcome = 'lost' AND origin = 'scratch' AND task_id IS NULL AND copied_from IS NULL;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
