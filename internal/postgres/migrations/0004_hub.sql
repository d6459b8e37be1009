-- What is asked of hubs so that it need not be asked twice: repos of the
-- secondary hub made available at the primary one, repos of the past asked for
-- again, and up to which event tags are known.

-- +goose Up

-- A repo of the secondary hub and the repo of the primary one that shows the
-- same packages, made by a newRepo task there. A row is written before the task
-- is asked for. One tag has one repo in the making at a time.
CREATE TABLE repo_mapping (
    repo_id         bigint PRIMARY KEY, -- at the secondary hub
    build_tag       text NOT NULL,
    event           bigint NOT NULL, -- at the secondary hub, that the repo was made of
    asked           timestamptz NOT NULL, -- domain time of the last attempt
    -- The newest task of this kind at the primary hub before the attempt: one
    -- that is newer is the attempt's.
    after_task      bigint NOT NULL,
    task_id         bigint, -- null while it is not known whether there is one
    primary_repo_id bigint, -- null until the task is closed
    failures        integer NOT NULL DEFAULT 0,
    retry           timestamptz -- not before, after an attempt that failed
);
CREATE INDEX repo_mapping_tag ON repo_mapping (build_tag, event DESC);
CREATE UNIQUE INDEX repo_mapping_primary ON repo_mapping (primary_repo_id);
CREATE UNIQUE INDEX repo_mapping_open ON repo_mapping (build_tag) WHERE primary_repo_id IS NULL;
