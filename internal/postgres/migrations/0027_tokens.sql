-- +goose Up
-- What programs of users show instead of signing in. These are real times, as those
-- of sessions.
CREATE TABLE token (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash    bytea NOT NULL,  -- SHA-256 of the secret, which only its owner has
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    name    text NOT NULL,   -- what its owner calls it
    scopes  text[] NOT NULL, -- what it may be used for
    made    timestamptz NOT NULL,
    ends    timestamptz NOT NULL,
    used    timestamptz,     -- last, some minutes late at most; null if never
    UNIQUE (user_id, name)
);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
