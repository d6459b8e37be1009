-- +goose Up
-- Requests that programs have named, so that each is done once. Kept for a day.
CREATE TABLE act_once (
    actor   text NOT NULL,
    key     text NOT NULL,
    request bytea NOT NULL,              -- SHA-256 of what was asked
    changes text[] NOT NULL DEFAULT '{}', -- what it changed
    done    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
