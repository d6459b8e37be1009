-- What lists of owners say and is not believed.

-- +goose Up

CREATE TABLE owner_doubt (
    what  text PRIMARY KEY, -- "owners", or "group NAME"
    why   text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp() -- the database's own time
);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
