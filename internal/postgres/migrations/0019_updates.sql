-- What updates did: which source each package of a repo was made from, whose
-- buildroots an update reached, what it took away, and how what changed came into
-- the buildroot of a build.

-- +goose Up

ALTER TABLE nevra
    ADD source text COLLATE "C" NOT NULL DEFAULT '', -- name of the source package; '' if not known
    ADD source_version text COLLATE "C" NOT NULL DEFAULT ''; -- its version-release; '' if not known

-- The packages whose buildroots have something that the source brought with this
-- repo: a set as in dependency_set, but of package ids, each with the nearest of
-- its distances. Null if there are none.
ALTER TABLE repo_change ADD reached bytea;
ALTER TABLE repo_change ALTER reached SET STORAGE EXTERNAL; -- compressed already
-- The history of a source's updates.
CREATE INDEX repo_change_source ON repo_change (collection_id, source, repo_id DESC);

-- A dependency that nothing in the repos of a collection provides, from when a
-- package was first unresolved for want of it until none is.
CREATE TABLE unmet (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection_id  bigint NOT NULL REFERENCES collection ON DELETE CASCADE,
    dependency     text COLLATE "C" NOT NULL, -- as who needs it spells it
    needed_by      text COLLATE "C" NOT NULL, -- name of the binary package that requires it; '' if BuildRequires do
    needed_version text NOT NULL, -- version-release of that package then
    repo_id        bigint NOT NULL, -- Koji's, of the first repo
    since          timestamptz NOT NULL, -- domain time, as all of these
    -- What two repos prove: the repo before had a provider, an update brought the
    -- package that requires it, or the repo before had no provider either.
    why            text NOT NULL CHECK (why IN ('unknown', 'gone', 'new', 'absent')),
    source         text NOT NULL, -- the update that did it; '' if that is not known
    source_before  text NOT NULL, -- its version-release in the repo before; '' if it was not there
    source_after   text NOT NULL, -- its version-release in the repo; '' if it is gone
    provider       text NOT NULL, -- what provided it in the repo before; '' if that is not known
    packages       integer NOT NULL DEFAULT 0, -- that wanted it, when a repo was last resolved
    ended          timestamptz
);
CREATE UNIQUE INDEX unmet_lasting ON unmet (collection_id, dependency, needed_by) WHERE ended IS NULL;
CREATE INDEX unmet_repo ON unmet (collection_id, repo_id);
CREATE INDEX unmet_ended ON unmet (ended) WHERE ended IS NOT NULL;

CREATE TABLE unmet_package (
    unmet_id   bigint NOT NULL REFERENCES unmet ON DELETE CASCADE,
    package_id bigint NOT NULL REFERENCES package ON DELETE CASCADE,
    asked      text NOT NULL, -- its entry of BuildRequires that leads there; '' if the buildroot group does
    PRIMARY KEY (package_id, unmet_id)
);
CREATE INDEX unmet_package_unmet ON unmet_package (unmet_id);

-- How each changed package is in the buildroot: the packages that lead to it, from
-- what is asked for on, at most four. They are places, from 1 on, in the build's
-- dependency set in the order of nevra ids; a 0 ends the chain of each change.
-- Null if none is known.
ALTER TABLE applied_change ADD via smallint[];

-- What became resolvable, or not, in a repo.
CREATE INDEX resolution_change_repo ON resolution_change (repo_id, package_id);

-- Of packages that are unresolved, resolving tells more now.
UPDATE package SET resolved_build_id = NULL WHERE resolution = 'unresolved' AND resolved_build_id IS NOT NULL;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
