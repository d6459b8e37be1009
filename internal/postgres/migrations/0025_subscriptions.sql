-- Who wants to hear of what, and the letters that tell them.

-- +goose Up

CREATE TABLE subscription (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    sink       text NOT NULL, -- no reference: a sink is there once a notifier has run
    scope      text NOT NULL CHECK (scope IN ('package', 'group', 'owner', 'collection', 'buildroot')),
    name       text NOT NULL,
    collection text NOT NULL DEFAULT '', -- only there; '' for all
    tell       text NOT NULL CHECK (tell IN ('broken', 'mended', 'all')),
    pace       text NOT NULL CHECK (pace IN ('at once', 'daily', 'weekly')),
    together   boolean NOT NULL,
    token      text NOT NULL UNIQUE, -- who knows it may end the subscription
    UNIQUE (user_id, sink, scope, name, collection)
);
CREATE INDEX subscription_name ON subscription (scope, name);

-- Whose packages are whose, as the owners' source says it.
CREATE TABLE package_owner (
    name text COLLATE "C" NOT NULL, -- of a package; it need not be one of ours
    owner text NOT NULL,
    PRIMARY KEY (name, owner)
);
CREATE INDEX package_owner_owner ON package_owner (owner);

-- Until when (domain time) somebody does not want to hear of something.
CREATE TABLE silence (
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    what    text NOT NULL CHECK (what IN ('package', 'group', 'cause')),
    name    text NOT NULL,
    until   timestamptz NOT NULL,
    PRIMARY KEY (user_id, what, name)
);

-- Where a user's mail goes, if it goes elsewhere than the configuration says, and
-- whether it arrives. Times are the database's own.
CREATE TABLE mailbox (
    user_id  bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    address  text NOT NULL DEFAULT '', -- '' is the one that the configuration says
    refused  integer NOT NULL DEFAULT 0, -- letters in a row
    reason   text NOT NULL DEFAULT '', -- of the last refusal
    disabled timestamptz -- nothing is sent from then on
);

-- What a subscription asks for and no letter tells yet. Due is the database's time.
CREATE TABLE awaited (
    subscription_id bigint NOT NULL REFERENCES subscription ON DELETE CASCADE,
    event_id        bigint NOT NULL REFERENCES event ON DELETE CASCADE,
    cause           text NOT NULL DEFAULT '',
    due             timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, event_id)
);
CREATE INDEX awaited_due ON awaited (due);
CREATE INDEX awaited_event ON awaited (event_id);

-- A delivery of several events to one user. Its delivery row has the last of them.
CREATE TABLE letter (
    delivery_id     bigint PRIMARY KEY REFERENCES delivery ON DELETE CASCADE,
    subscription_id bigint REFERENCES subscription ON DELETE SET NULL,
    user_id         bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    cause           text NOT NULL DEFAULT '',
    thread          text NOT NULL,
    answers         text NOT NULL DEFAULT '' -- message id
);
CREATE INDEX letter_user ON letter (user_id, delivery_id DESC);
CREATE INDEX letter_subscription ON letter (subscription_id);

CREATE TABLE letter_event (
    delivery_id bigint NOT NULL REFERENCES letter ON DELETE CASCADE,
    event_id    bigint NOT NULL REFERENCES event ON DELETE CASCADE,
    PRIMARY KEY (delivery_id, event_id)
);
CREATE INDEX letter_event_event ON letter_event (event_id);

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
