-- What a hub says of so much of a collection at once that it is not believed:
-- its tag may be in the middle of being filled, or somebody made a mistake.

-- +goose Up

CREATE TABLE doubt (
    collection_id bigint NOT NULL REFERENCES collection ON DELETE CASCADE,
    what          text NOT NULL CHECK (what IN ('untagged', 'blocked')),
    packages      integer NOT NULL, -- that would be so
    total         integer NOT NULL, -- of the collection's
    since         timestamptz NOT NULL, -- domain time, as all of these
    seen          timestamptz NOT NULL,
    accepted      timestamptz, -- when somebody said that it is true
    PRIMARY KEY (collection_id, what)
);

-- What was asked about of the changes that a hub may still be in the middle of.
ALTER TABLE tag_cursor ADD seen text[] NOT NULL DEFAULT '{}';

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
