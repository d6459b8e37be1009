-- The notifier is a service. It is woken when there is something to tell, and
-- what a receiver gets again it can recognise.

-- +goose Up

-- The same whenever a delivery is sent again.
ALTER TABLE delivery ADD COLUMN message_id uuid NOT NULL DEFAULT gen_random_uuid();

-- Domain time until which it is held; null if it is told at once. What takes back
-- what it tells until then is told as little as it is.
ALTER TABLE delivery ADD COLUMN held_until timestamptz;

-- Deliveries are claimed in this order, some at a time, however many wait.
DROP INDEX delivery_due;
CREATE INDEX delivery_due ON delivery (sink, due, id) WHERE sent IS NULL AND NOT dead;

-- When the sink last said that somebody is there, by the database's own clock.
ALTER TABLE sink ADD COLUMN heartbeat timestamptz;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION hand_to_sinks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sink_event (sink, event_id)
    SELECT s.name, e.id
    FROM sink s
    CROSS JOIN added e;
    IF FOUND THEN
        PERFORM pg_notify('koschei notifier', '');
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
