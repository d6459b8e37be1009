-- What happened, as facts, and who has been told of it. Before, the outbox had
-- messages ready to be sent; nobody ever sent one, and nobody will: of what is
-- in it nothing is taken over. Programs of before this migration still write to
-- it, so the table stays until the next hundred of migrations.

-- +goose Up

-- One row for each fact, written by the transaction that made it one. Names are
-- those of that time: a collection is renamed when it is branched.
CREATE TABLE event (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            timestamptz NOT NULL, -- domain time
    kind          text NOT NULL,
    collection_id bigint NOT NULL REFERENCES collection ON DELETE CASCADE,
    collection    text NOT NULL,
    package_id    bigint REFERENCES package ON DELETE CASCADE, -- null if it is about none
    package       text NOT NULL DEFAULT '',
    build_id      bigint REFERENCES build ON DELETE CASCADE, -- null if it is about none
    repo_id       bigint, -- Koji's; null if it is about none
    before        text NOT NULL DEFAULT '',
    after         text NOT NULL DEFAULT ''
);
CREATE INDEX event_at ON event (at);
CREATE INDEX event_collection ON event (collection_id, id DESC);
CREATE INDEX event_package ON event (package_id, id DESC) WHERE package_id IS NOT NULL;
CREATE INDEX event_build ON event (build_id) WHERE build_id IS NOT NULL;

-- A sink is a way by which events leave: a message bus, mail, a web hook. What
-- happened before it was created never leaves by it.
CREATE TABLE sink (
    name    text PRIMARY KEY,
    created timestamptz NOT NULL -- domain time
);

-- The events that were not looked at for a sink yet. A cursor would not do:
-- ids are given out before transactions commit, and it would pass over the one
-- that commits last. What is about one package is in the order of ids, because
-- whoever writes it holds the package's lock.
CREATE TABLE sink_event (
    sink     text NOT NULL REFERENCES sink ON DELETE CASCADE,
    event_id bigint NOT NULL REFERENCES event ON DELETE CASCADE,
    PRIMARY KEY (sink, event_id)
);
CREATE INDEX sink_event_event ON sink_event (event_id);

-- +goose StatementBegin
CREATE FUNCTION hand_to_sinks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sink_event (sink, event_id)
    SELECT s.name, e.id
    FROM sink s
    CROSS JOIN added e;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER hand_to_sinks AFTER INSERT ON event
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION hand_to_sinks();

-- What is to be told by a sink. Created, due and sent are the database's own time.
CREATE TABLE delivery (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sink     text NOT NULL REFERENCES sink ON DELETE CASCADE,
    event_id bigint NOT NULL REFERENCES event ON DELETE CASCADE,
    key      text NOT NULL, -- the same whenever it is sent again: who receives it can tell, and nothing is told twice
    subject  text NOT NULL, -- deliveries with the same subject leave in their order
    created  timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    due      timestamptz NOT NULL DEFAULT clock_timestamp(),
    error    text NOT NULL DEFAULT '', -- of the last attempt
    sent     timestamptz,
    dead     boolean NOT NULL DEFAULT false, -- given up; a person may have it sent again
    UNIQUE (sink, key)
);
CREATE INDEX delivery_due ON delivery (sink, due) WHERE sent IS NULL AND NOT dead;
CREATE INDEX delivery_subject ON delivery (sink, subject, id) WHERE sent IS NULL AND NOT dead;
CREATE INDEX delivery_event ON delivery (event_id);

TRUNCATE outbox;
UPDATE finding SET ended = last_seen WHERE kind = 'outbox' AND ended IS NULL;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
