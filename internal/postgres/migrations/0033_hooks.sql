-- Web hooks of users, who are told by them instead of by mail.

-- +goose Up

CREATE TABLE hook (
    user_id  bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    url      text NOT NULL,
    secrets  text NOT NULL, -- one a line, the newest first; calls are signed with all of them
    reason   text NOT NULL DEFAULT '', -- why it was given up
    disabled timestamptz -- nothing is sent from then on; the database's own time
);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
