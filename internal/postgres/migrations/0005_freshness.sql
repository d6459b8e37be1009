-- How Koschei itself fares: what each service does for each collection and
-- what troubles it, how often services were started, and what the self-check
-- found. Times are domain time but for those of service_start, which are the
-- database's own.

-- +goose Up

-- Scratch builds of the collection under way at once; 0 is no limit of its own.
ALTER TABLE collection ADD max_builds integer NOT NULL DEFAULT 0 CHECK (max_builds >= 0);

CREATE TABLE collection_service (
    collection_id bigint NOT NULL REFERENCES collection ON DELETE CASCADE,
    service       text NOT NULL,
    succeeded     timestamptz,              -- last, to within a minute; null if it never did
    remark        text NOT NULL DEFAULT '', -- what it said of the collection then
    trouble       text NOT NULL DEFAULT '', -- a sentence for people; '' while there is none
    first_seen    timestamptz,              -- of the trouble
    last_seen     timestamptz,
    failures      integer NOT NULL DEFAULT 0,
    PRIMARY KEY (collection_id, service),
    CHECK ((trouble = '') = (first_seen IS NULL) AND (trouble = '') = (last_seen IS NULL))
);

CREATE TABLE service_start (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text NOT NULL,
    holder  text NOT NULL,
    started timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX service_start_started ON service_start (started);

-- What the self-check found: one row from when it is first found until it is
-- not any more, or was repaired.
CREATE TABLE finding (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL,
    collection_id bigint REFERENCES collection ON DELETE CASCADE, -- null if it is about none
    subject       text NOT NULL, -- tells findings of a kind apart
    sentence      text NOT NULL,
    count         integer NOT NULL,
    first_seen    timestamptz NOT NULL,
    last_seen     timestamptz NOT NULL,
    ended         timestamptz, -- null while it lasts
    repair        text NOT NULL DEFAULT '' -- what was done about it; '' if nothing could be
);
CREATE UNIQUE INDEX finding_lasting ON finding (kind, subject) WHERE ended IS NULL;
CREATE INDEX finding_ended ON finding (ended DESC) WHERE ended IS NOT NULL;

-- A lease that ran out without having been released was that of a process that
-- died.
ALTER TABLE lease ADD released boolean NOT NULL DEFAULT false;

-- Why a package is held, in a word, and what that was about: the self-check
-- ends holds whose reason is gone.
ALTER TABLE package
    ADD hold_kind text NOT NULL DEFAULT '' CHECK (hold_kind IN ('', 'source', 'arch', 'load', 'hub', 'fault')),
    ADD hold_basis text NOT NULL DEFAULT '';

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
