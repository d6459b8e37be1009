-- More that is asked of hubs so that it need not be asked twice: repos of the
-- past, and up to which event tags are known.

-- +goose Up

-- Repos of the past, asked for again because builds were made in one that the
-- hub has deleted: once for a tag and an event.
CREATE TABLE repo_request (
    hub        text NOT NULL CHECK (hub IN ('primary', 'secondary')),
    build_tag  text NOT NULL,
    event      bigint NOT NULL,
    state      text NOT NULL CHECK (state IN ('asking', 'made', 'failed')),
    request_id bigint, -- Koji's, of repo.request
    task_id    bigint, -- of newRepo, where the hub lets us do only that
    repo_id    bigint, -- of the repo that was made
    tasked     timestamptz, -- when newRepo was asked for last
    asked      timestamptz NOT NULL,
    PRIMARY KEY (hub, build_tag, event)
);
CREATE INDEX repo_request_open ON repo_request (hub) WHERE state = 'asking';

-- What a hub did not let us do, and when that was tried last.
CREATE TABLE hub_refusal (
    hub     text NOT NULL CHECK (hub IN ('primary', 'secondary')),
    what    text NOT NULL,
    refused timestamptz NOT NULL,
    PRIMARY KEY (hub, what)
);

-- Up to which event what a collection's destination tag lists is known. Without
-- a row nothing is, and everything is asked for.
CREATE TABLE tag_cursor (
    collection_id bigint PRIMARY KEY REFERENCES collection ON DELETE CASCADE,
    basis         text NOT NULL, -- what was asked of: hub, tag and inheritance
    event         bigint NOT NULL,
    full_at       timestamptz NOT NULL, -- domain time at which everything was asked for last
    pending       text[] NOT NULL DEFAULT '{}' -- packages that the hub could not speak about
);

-- The hub's state of a repo when it was last asked.
ALTER TABLE repo ADD state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'expired', 'deleted', 'problem'));

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
