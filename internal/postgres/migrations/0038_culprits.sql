-- Events tell more: which update broke a package, what an update broke and when that
-- was mended, and who asked for a build.

-- +goose Up

ALTER TABLE event ADD detail jsonb; -- koschei.EventDetail; null for kinds that need none

-- Whether somebody has looked for the one update that may have broken the build. What
-- was stored before, or is copied, is no news.
ALTER TABLE applied_change ADD named boolean NOT NULL DEFAULT true;

-- Whether an event has told that the update broke something.
ALTER TABLE unmet ADD told boolean NOT NULL DEFAULT false;
UPDATE unmet SET told = true WHERE ended IS NULL AND source <> '';

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
