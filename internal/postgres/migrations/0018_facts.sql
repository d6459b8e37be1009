-- What pages ask of time: what changed since yesterday, how many packages were
-- in which state, when builds ended, where and for how long tasks ran.

-- +goose Up

ALTER TABLE state_change ADD collection_id bigint; -- the package's
UPDATE state_change s SET collection_id = p.collection_id FROM package p WHERE p.id = s.package_id;
-- +goose StatementBegin
CREATE FUNCTION collection_of_state_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT collection_id INTO NEW.collection_id FROM package WHERE id = NEW.package_id;
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- Programs of before this migration do not name the collection.
CREATE TRIGGER collection_of_state_change BEFORE INSERT ON state_change
    FOR EACH ROW WHEN (NEW.collection_id IS NULL) EXECUTE FUNCTION collection_of_state_change();
ALTER TABLE state_change ALTER collection_id SET NOT NULL;
CREATE INDEX state_change_changed ON state_change (collection_id, changed) INCLUDE (id, package_id, prev);

-- How many packages of a collection, blocked ones left out, were in which state:
-- a row after each repo that was resolved, and one an hour at least.
CREATE TABLE state_count (
    collection_id bigint NOT NULL REFERENCES collection ON DELETE CASCADE,
    at            timestamptz NOT NULL, -- domain time
    repo_id       bigint NOT NULL, -- Koji's, of the collection's latest repo then; 0 if there was none
    ok            integer NOT NULL,
    failing       integer NOT NULL,
    unresolved    integer NOT NULL,
    unknown       integer NOT NULL,
    untracked     integer NOT NULL,
    running       integer NOT NULL, -- packages with a build under way, whatever their states
    due           integer NOT NULL, -- packages that could be built and whose priority reached the threshold
    PRIMARY KEY (collection_id, at)
);

-- Builds by when they ended.
CREATE INDEX build_finished ON build (finished) WHERE origin = 'scratch' AND finished IS NOT NULL;

-- Where tasks ran. The name of a builder is asked for once.
ALTER TABLE build_task ADD host_id bigint; -- Koji's; null while no builder has it
CREATE TABLE host (
    hub     text NOT NULL CHECK (hub IN ('primary', 'secondary')),
    host_id bigint NOT NULL,
    name    text NOT NULL,
    PRIMARY KEY (hub, host_id)
);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
