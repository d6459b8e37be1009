-- What source packages say is asked for with what must not be in their buildroot.
-- Those stored so far are asked about once more.

-- +goose Up

ALTER TABLE srpm ADD build_conflicts text[]; -- null: not known yet

-- Sources that the hub said nothing about, and when it is asked again. A build of
-- an image has none at all.
CREATE TABLE silent_source (
    hub     text NOT NULL CHECK (hub IN ('primary', 'secondary')),
    name    text NOT NULL,
    version text NOT NULL,
    release text NOT NULL,
    tries   integer NOT NULL,
    none    boolean NOT NULL, -- the build has no source package
    again   timestamptz NOT NULL, -- domain time
    PRIMARY KEY (hub, name, version, release)
);

-- Whether unmet boolean BuildRequires and BuildConflicts are passed over.
ALTER TABLE collection ADD lenient boolean NOT NULL DEFAULT false;

-- What a repo's metadata say that nobody can read: how much of it, and the first
-- of it in sentences.
ALTER TABLE repo
    ADD left_out integer NOT NULL DEFAULT 0,
    ADD left_out_first text[] NOT NULL DEFAULT '{}';

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
