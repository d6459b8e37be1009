-- What long lists and the scheduler ask is read from indexes alone: the list of
-- a collection by any key from either end (packagelist.go, listsegment.go), and
-- the packages that can be scheduled by priority (scheduling.go).

-- +goose Up

-- Nothing of the package's own keeps it from being scheduled; the twin of
-- koschei.Package.Obstacles but for those of its collection.
ALTER TABLE package ADD COLUMN schedulable boolean NOT NULL GENERATED ALWAYS AS (
    tracked AND NOT blocked AND last_build_id IS NOT NULL
    AND last_build_id IS NOT DISTINCT FROM last_complete_build_id
    AND (resolution = 'resolved' OR resolution = 'unattempted' AND skip_resolution)) STORED;

DROP INDEX package_counted;
CREATE INDEX package_counted ON package (collection_id, state, running, schedulable) WHERE NOT blocked;
ALTER TABLE package DROP CONSTRAINT package_collection_id_name_id_state_blocked_key;
CREATE UNIQUE INDEX package_by_name ON package (collection_id, name) INCLUDE (id, state, blocked, running);
CREATE INDEX package_by_build ON package (collection_id, last_build_id, name) INCLUDE (id, state) WHERE NOT blocked;

-- Schedulable packages: those with something that raises their priority, and
-- the rest, of which the one built longest ago is the most worthy. Time is in
-- seconds, which a priority can be told in too.
DROP INDEX package_raised;
CREATE INDEX package_raised ON package (collection_id)
    INCLUDE (id, name, static_priority, manual_priority, build_priority, dependency_priority, last_build_started, hold_until)
    WHERE schedulable
      AND (static_priority <> 0 OR manual_priority <> 0 OR build_priority <> 0 OR dependency_priority <> 0);
DROP INDEX package_idle;
CREATE INDEX package_idle ON package (collection_id, date_part('epoch', last_build_started AT TIME ZONE 'UTC'), name)
    INCLUDE (id, last_build_started)
    WHERE schedulable
      AND static_priority = 0 AND manual_priority = 0 AND build_priority = 0 AND dependency_priority = 0;
-- The statistics of what the indexes are sorted by, which plans go by.
ANALYZE package;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
