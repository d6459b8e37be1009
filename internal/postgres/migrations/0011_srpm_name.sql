-- Source packages are found by the names of packages, which are sorted as "C"
-- has it. An index sorted otherwise cannot be used for that: whoever looked for
-- one source package read those of all.

-- +goose Up

ALTER TABLE srpm ALTER COLUMN name TYPE text COLLATE "C";
ANALYZE srpm;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
