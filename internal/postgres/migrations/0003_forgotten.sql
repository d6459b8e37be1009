-- Builds that were taken over from the original Koschei, which keeps what it
-- built with for the newest build of each package alone.

-- +goose Up

ALTER TABLE build
    DROP CONSTRAINT build_deps_check,
    ADD CONSTRAINT build_deps_check
        CHECK (deps IN ('pending', 'resolved', 'unresolved', 'unavailable', 'forgotten'));

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
