-- +goose Up
ALTER TABLE package ADD COLUMN remark text NOT NULL DEFAULT '';
CREATE TABLE remark (package_id bigint REFERENCES package, said text NOT NULL);
