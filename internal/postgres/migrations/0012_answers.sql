-- A repo in which the base buildroot changed says something else of every
-- package. So table package, which has an index for whatever lists are ordered
-- by, has nothing of what a new repo changes about a package that can still be
-- installed: all of that is in resolution, set included. Table dependency_set
-- is for builds, which keep theirs for good.

-- +goose Up

ALTER TABLE resolution
    ADD COLUMN collection_id bigint, -- the package's
    ADD COLUMN dependency_priority integer NOT NULL DEFAULT 0,
    -- The set it resolves to, addressed and encoded as in dependency_set.
    ADD COLUMN set_hash bytea,
    ADD COLUMN set_content bytea,
    ALTER COLUMN set_content SET STORAGE MAIN;
UPDATE resolution r
SET collection_id = p.collection_id, dependency_priority = p.dependency_priority, set_hash = d.hash, set_content = d.content
FROM package p, resolution o LEFT JOIN dependency_set d ON d.id = o.dependency_set_id
WHERE p.id = r.package_id AND o.package_id = r.package_id;
ALTER TABLE resolution
    ALTER COLUMN collection_id SET NOT NULL,
    ADD CHECK ((set_hash IS NULL) = (set_content IS NULL)),
    DROP COLUMN dependency_set_id,
    SET (fillfactor = 70);
DELETE FROM dependency_set s WHERE NOT EXISTS (SELECT FROM build b WHERE b.dependency_set_id = s.id);
-- Packages of which something changed since their last builds, which the
-- scheduler asks for the most changed of.
CREATE INDEX resolution_changed ON resolution (collection_id, dependency_priority) INCLUDE (package_id) WHERE dependency_priority <> 0;

-- The packages that can be scheduled: those that people or builds have given a
-- priority, and the rest, of which the one built longest ago is the most worthy.
DROP INDEX package_pushed;
DROP INDEX package_changed;
DROP INDEX package_idle;
ALTER TABLE package DROP COLUMN dependency_priority;
CREATE INDEX package_raised ON package (collection_id)
    INCLUDE (id, name, static_priority, manual_priority, build_priority, last_build_started, hold_until)
    WHERE schedulable AND (static_priority <> 0 OR manual_priority <> 0 OR build_priority <> 0);
CREATE INDEX package_idle ON package (collection_id, date_part('epoch', last_build_started AT TIME ZONE 'UTC'), name)
    INCLUDE (id, last_build_started)
    WHERE schedulable AND static_priority = 0 AND manual_priority = 0 AND build_priority = 0;

-- Goes up whenever rows of nevra are deleted: what was there before may not be.
CREATE SEQUENCE nevra_collected;
SELECT nextval('nevra_collected'); -- the first call would not make it another value
ANALYZE package, resolution;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
