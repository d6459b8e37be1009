-- What the logs of failed builds tell. They are read once, soon after the build:
-- hubs delete them after some weeks.

-- +goose Up

CREATE TABLE build_failure (
    build_id  bigint PRIMARY KEY REFERENCES build ON DELETE CASCADE,
    found     boolean NOT NULL, -- false if there was no log any more, or nothing in it
    task_id   bigint NOT NULL, -- Koji's; 0 if it is not known which failed
    arch      text NOT NULL,
    log       text NOT NULL, -- as build.log
    phase     text NOT NULL, -- as %build; '' if not known
    kind      text NOT NULL, -- of the error, as package buildlog has it; '' if no rule knows it
    message   text NOT NULL,
    error     integer NOT NULL, -- place of the error in lines, from 0 on; -1 if not known
    lines     text[] NOT NULL,
    numbers   integer[] NOT NULL, -- of the lines in the log
    total     integer NOT NULL, -- lines in the log; 0 if only its end was read
    signature text COLLATE "C" NOT NULL, -- the same for errors that say the same; '' without a kind
    read      timestamptz NOT NULL -- domain time
);
CREATE INDEX build_failure_signature ON build_failure (signature, build_id) WHERE signature <> '';
-- Failures are read the newest first.
CREATE INDEX build_failed ON build (finished DESC) WHERE outcome = 'failed';

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
