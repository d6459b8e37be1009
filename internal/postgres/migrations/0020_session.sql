-- +goose Up
-- Who has signed in. These are real times, as all that concerns people at
-- browsers: a simulated hub's clock does not end their sessions.
ALTER TABLE users
    ADD COLUMN signed_in     timestamptz,                    -- last; null if never
    ADD COLUMN claimed_admin boolean NOT NULL DEFAULT false; -- the login provider said so then

CREATE TABLE session (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash    bytea NOT NULL UNIQUE, -- SHA-256 of the token that the browser has
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    admin   boolean NOT NULL,      -- by a claim or a group of the login provider
    way     text NOT NULL CHECK (way IN ('oidc', 'proxy', 'development')),
    agent   text NOT NULL,         -- what the browser calls itself
    began   timestamptz NOT NULL,
    seen    timestamptz NOT NULL   -- last; a minute late at most
);
CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_by_seen ON session (seen);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
