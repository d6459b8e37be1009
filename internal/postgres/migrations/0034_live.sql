-- +goose Up

-- Who listens is told of changes of states in one order, the same from every
-- frontend: that of the transactions that made them, as far as no older one is under
-- way. Ids alone would not do, as a transaction may commit after one with greater ids.
ALTER TABLE state_change ADD xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX state_change_told ON state_change (xid, id);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
