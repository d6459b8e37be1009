-- The scheduler asks for the worthiest of what changed, of which there may be a
-- whole distribution: see Schedulable. What people have set a priority of is
-- apart, because its order is another.

-- +goose Up

DROP INDEX package_raised;
CREATE INDEX package_pushed ON package (collection_id)
    INCLUDE (id, name, static_priority, manual_priority, build_priority, dependency_priority, last_build_started, hold_until)
    WHERE schedulable AND (static_priority <> 0 OR manual_priority <> 0);
CREATE INDEX package_changed ON package (collection_id, (dependency_priority + build_priority))
    INCLUDE (id, name, static_priority, manual_priority, build_priority, dependency_priority, last_build_started, hold_until)
    WHERE schedulable AND static_priority = 0 AND manual_priority = 0 AND (build_priority <> 0 OR dependency_priority <> 0);
ANALYZE package;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
