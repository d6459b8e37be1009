-- Frontends keep what they have shown until the record changes. Whoever changes
-- something that pages show tells them so when its transaction commits, and need
-- not think of it. What is told is the collection, or nothing where it may be any.
-- The answers of a new repo are told by who stores them (StoreVerdicts): there may
-- be a whole distribution of them.

-- +goose Up

-- The argument is what to select of the rows that were touched: collections.
-- +goose StatementBegin
CREATE FUNCTION tell_frontends() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    c bigint;
BEGIN
    FOR c IN EXECUTE 'SELECT DISTINCT ' || TG_ARGV[0] LOOP
        PERFORM pg_notify('koschei frontend', coalesce(c::text, ''));
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION tell_all_frontends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('koschei frontend', '');
    RETURN NULL;
END $$;

CREATE FUNCTION tell_frontends_of_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('koschei frontend', NEW.collection_id::text);
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell_of_new AFTER INSERT ON package REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tell_frontends('collection_id FROM touched');
CREATE TRIGGER tell_of_change AFTER UPDATE ON package REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tell_frontends('collection_id FROM touched');
CREATE TRIGGER tell_of_end AFTER DELETE ON package REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tell_frontends('collection_id FROM touched');

CREATE TRIGGER tell_of_new AFTER INSERT ON build REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tell_frontends('p.collection_id FROM touched t JOIN package p ON p.id = t.package_id');
CREATE TRIGGER tell_of_change AFTER UPDATE ON build REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tell_frontends('p.collection_id FROM touched t JOIN package p ON p.id = t.package_id');
CREATE TRIGGER tell_of_end AFTER DELETE ON build REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tell_frontends('p.collection_id FROM touched t JOIN package p ON p.id = t.package_id');

CREATE TRIGGER tell_of_new AFTER INSERT ON build_task REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION
    tell_frontends('p.collection_id FROM touched t JOIN build b ON b.id = t.build_id JOIN package p ON p.id = b.package_id');
CREATE TRIGGER tell_of_change AFTER UPDATE ON build_task REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION
    tell_frontends('p.collection_id FROM touched t JOIN build b ON b.id = t.build_id JOIN package p ON p.id = b.package_id');

CREATE TRIGGER tell_of_new AFTER INSERT ON build_failure REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION
    tell_frontends('p.collection_id FROM touched t JOIN build b ON b.id = t.build_id JOIN package p ON p.id = b.package_id');

CREATE TRIGGER tell_of_new AFTER INSERT ON repo REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tell_frontends('collection_id FROM touched');
CREATE TRIGGER tell_of_change AFTER UPDATE ON repo REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tell_frontends('collection_id FROM touched');

-- That a service has succeeded again is written every minute and changes no page.
CREATE TRIGGER tell_of_trouble AFTER UPDATE ON collection_service FOR EACH ROW
    WHEN (OLD.trouble <> NEW.trouble OR OLD.remark <> NEW.remark) EXECUTE FUNCTION tell_frontends_of_row();

-- What surrounds every page, and what is in no collection.
CREATE TRIGGER tell_all AFTER INSERT OR DELETE ON collection FOR EACH STATEMENT EXECUTE FUNCTION tell_all_frontends();
CREATE TRIGGER tell_of_change AFTER UPDATE ON collection REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION tell_frontends('id FROM touched');
CREATE TRIGGER tell_all AFTER INSERT OR UPDATE OR DELETE ON notice FOR EACH STATEMENT EXECUTE FUNCTION tell_all_frontends();
CREATE TRIGGER tell_all AFTER INSERT OR UPDATE OR DELETE ON package_group FOR EACH STATEMENT EXECUTE FUNCTION tell_all_frontends();
CREATE TRIGGER tell_all AFTER INSERT OR UPDATE OR DELETE ON package_group_member FOR EACH STATEMENT EXECUTE FUNCTION tell_all_frontends();
CREATE TRIGGER tell_all AFTER INSERT OR UPDATE OR DELETE ON package_group_maintainer FOR EACH STATEMENT EXECUTE FUNCTION tell_all_frontends();

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
