-- Bugs about packages in a bug tracker, those that we filed and those that we found.

-- +goose Up

CREATE TABLE bug (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    package_id bigint NOT NULL REFERENCES package ON DELETE CASCADE,
    cause      text NOT NULL, -- the same for what is one bug
    marker     text NOT NULL UNIQUE, -- by which the tracker knows it, so that it is not filed twice
    begun      timestamptz NOT NULL DEFAULT clock_timestamp(), -- the database's own time
    number     bigint, -- in the tracker; null while it is not known
    filed      boolean NOT NULL DEFAULT true, -- by us; false for one of others that is about the same
    mended     timestamptz -- domain time; null while it is not
);
CREATE INDEX bug_package ON bug (package_id, id DESC);
CREATE INDEX bug_begun ON bug (begun);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
