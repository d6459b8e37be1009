-- +goose Up
-- What people change says so itself: a form that shows an older revision is told
-- of what somebody else did meanwhile.
ALTER TABLE package ADD COLUMN revision bigint NOT NULL DEFAULT 0; -- counts what people changed
ALTER TABLE package_group ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- What was changed from what to what, for entries about a single field.
ALTER TABLE audit
    ADD COLUMN object   text NOT NULL DEFAULT '', -- what it is a field of, unless that is a package or a collection
    ADD COLUMN field    text NOT NULL DEFAULT '',
    ADD COLUMN was      text NOT NULL DEFAULT '',
    ADD COLUMN became   text NOT NULL DEFAULT '',
    ADD COLUMN revision bigint NOT NULL DEFAULT 0; -- of the package or group, after it
CREATE INDEX audit_actor ON audit (actor, id DESC);
CREATE INDEX audit_object ON audit (object, id DESC) WHERE object <> '';

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
