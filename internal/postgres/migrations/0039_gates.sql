-- What gates are told of groups of builds, such as side tags, that are tested as
-- collections of their own.

-- +goose Up

-- Who had a build made, as Koji names them; '' where that was not asked.
ALTER TABLE build ADD owner text NOT NULL DEFAULT '';

-- What was told last of a collection.
CREATE TABLE gate (
    collection_id bigint PRIMARY KEY REFERENCES collection ON DELETE CASCADE,
    repo_id       bigint NOT NULL, -- Koji's
    state         text NOT NULL CHECK (state IN ('running', 'passed', 'failed'))
);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
