-- +goose Up
-- It begins a new hundred: programs of the former one do not work with it.
ALTER TABLE remark RENAME TO remarks;
