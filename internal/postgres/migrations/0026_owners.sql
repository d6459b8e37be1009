-- +goose Up

-- Where package_owner comes from, and when it was last found to be true. Times are
-- the database's own.
CREATE TABLE owner_source (
    url     text PRIMARY KEY,
    etag    text NOT NULL DEFAULT '',
    pairs   integer NOT NULL, -- of package and owner
    fetched timestamptz NOT NULL
);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
