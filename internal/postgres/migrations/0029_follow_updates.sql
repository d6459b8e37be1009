-- Updates can be followed: what they break, and what of that is mended.

-- +goose Up

ALTER TABLE subscription DROP CONSTRAINT subscription_scope_check;
ALTER TABLE subscription ADD CONSTRAINT subscription_scope_check
    CHECK (scope IN ('package', 'group', 'owner', 'collection', 'buildroot', 'update'));

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
