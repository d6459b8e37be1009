-- The record: collections, packages, builds and everything they were built
-- with. Times are domain time (see package koschei), UTC; lease and outbox
-- times are the database's own. States are the words package koschei has for
-- them. Ids that Koji gave keep Koji's name for the thing: task_id, repo_id.
-- What is sorted by the thousand has the collation "C", whatever the database
-- has: it is many times faster, and one order everywhere.

-- +goose Up

CREATE TABLE users (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text NOT NULL UNIQUE,
    admin boolean NOT NULL DEFAULT false
);

CREATE TABLE notice (
    key     text PRIMARY KEY,
    content text NOT NULL
);

CREATE TABLE collection (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                 text NOT NULL UNIQUE,
    display_name         text NOT NULL,
    "order"              integer NOT NULL DEFAULT 100,
    secondary_mode       boolean NOT NULL DEFAULT false,
    target               text NOT NULL,
    dest_tag             text NOT NULL,
    build_tag            text NOT NULL,
    build_group          text NOT NULL DEFAULT 'build',
    bugzilla_product     text NOT NULL DEFAULT '',
    bugzilla_version     text NOT NULL DEFAULT '',
    priority_coefficient double precision NOT NULL DEFAULT 1 CHECK (priority_coefficient >= 0),
    weight               double precision NOT NULL DEFAULT 1 CHECK (weight > 0),
    poll_untracked       boolean NOT NULL DEFAULT true,
    weak_deps            boolean NOT NULL DEFAULT false,
    latest_repo_id       bigint NOT NULL DEFAULT 0,
    latest_repo_event    bigint NOT NULL DEFAULT 0,
    latest_repo_resolved text NOT NULL DEFAULT 'unattempted'
        CHECK (latest_repo_resolved IN ('unattempted', 'resolved', 'unresolved')),
    CHECK ((latest_repo_id = 0) = (latest_repo_resolved = 'unattempted'))
);

CREATE TABLE collection_group (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE,
    display_name text NOT NULL
);

CREATE TABLE collection_group_member (
    group_id      bigint NOT NULL REFERENCES collection_group ON DELETE CASCADE,
    collection_id bigint NOT NULL REFERENCES collection ON DELETE CASCADE,
    PRIMARY KEY (group_id, collection_id)
);

CREATE TABLE base_package (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE package_group (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text NOT NULL DEFAULT '', -- '' is a global group
    name      text NOT NULL,
    UNIQUE (namespace, name)
);

CREATE TABLE package_group_member (
    group_id bigint NOT NULL REFERENCES package_group ON DELETE CASCADE,
    base_id  bigint NOT NULL REFERENCES base_package ON DELETE CASCADE,
    PRIMARY KEY (group_id, base_id)
);
CREATE INDEX package_group_member_base ON package_group_member (base_id);

CREATE TABLE package_group_maintainer (
    group_id bigint NOT NULL REFERENCES package_group ON DELETE CASCADE,
    user_id  bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);

-- A binary package's identity. Rows are shared by all sets and changes.
CREATE TABLE nevra (
    id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    text COLLATE "C" NOT NULL,
    epoch   bigint NOT NULL DEFAULT 0,
    version text COLLATE "C" NOT NULL,
    release text COLLATE "C" NOT NULL,
    arch    text COLLATE "C" NOT NULL,
    UNIQUE (name, epoch, version, release, arch)
);

-- What a buildroot contains: nevra ids with distances, encoded by package
-- postgres (dependencyset.go), stored once however many builds share it.
CREATE TABLE dependency_set (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash    bytea NOT NULL UNIQUE,
    size    integer NOT NULL,
    content bytea NOT NULL
);
ALTER TABLE dependency_set ALTER COLUMN content SET STORAGE EXTERNAL; -- compressed already

-- What the SRPM of a build says, asked from the hub once. A row is written
-- only from an answer that was not empty for want of the file.
CREATE TABLE srpm (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hub            text NOT NULL DEFAULT 'primary' CHECK (hub IN ('primary', 'secondary')),
    name           text NOT NULL,
    version        text NOT NULL,
    release        text NOT NULL,
    build_requires text[] NOT NULL,
    build_archs    text[] NOT NULL DEFAULT '{}',
    exclusive_arch text[] NOT NULL DEFAULT '{}',
    exclude_arch   text[] NOT NULL DEFAULT '{}',
    UNIQUE (hub, name, version, release)
);

CREATE TABLE package (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_id               bigint NOT NULL REFERENCES base_package ON DELETE CASCADE,
    collection_id         bigint NOT NULL REFERENCES collection ON DELETE CASCADE,
    name                  text COLLATE "C" NOT NULL,
    tracked               boolean NOT NULL DEFAULT false,
    blocked               boolean NOT NULL DEFAULT false,
    skip_resolution       boolean NOT NULL DEFAULT false,
    arch_override         text NOT NULL DEFAULT '',
    static_priority       integer NOT NULL DEFAULT 0,
    manual_priority       integer NOT NULL DEFAULT 0,
    build_priority        integer NOT NULL DEFAULT 0,
    dependency_priority   integer NOT NULL DEFAULT 0,
    resolution            text NOT NULL DEFAULT 'unattempted'
        CHECK (resolution IN ('unattempted', 'resolved', 'unresolved')),
    -- The last complete build that resolution and dependency_priority are about.
    -- Null asks for both to be worked out anew, repo or not.
    resolved_build_id     bigint,

    -- Follow from the package's builds; kept by refreshLastBuilds alone.
    last_build_id         bigint,
    last_build_started    timestamptz,
    last_complete_build_id bigint,
    last_complete_outcome text CHECK (last_complete_outcome IN ('complete', 'failed')),
    running               boolean NOT NULL GENERATED ALWAYS AS
        (last_build_id IS DISTINCT FROM last_complete_build_id) STORED,

    -- The twin of koschei.Package.State.
    state                 text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        CASE WHEN blocked THEN 'blocked'
             WHEN NOT tracked THEN 'untracked'
             WHEN resolution = 'unresolved' THEN 'unresolved'
             WHEN last_complete_outcome = 'complete' THEN 'ok'
             WHEN last_complete_outcome = 'failed' THEN 'failing'
             ELSE 'unknown' END) STORED,
    -- The state last told to state_change and the outbox, kept by noteStates alone.
    noted_state           text NOT NULL DEFAULT 'untracked',
    state_since           timestamptz,

    hold_reason           text NOT NULL DEFAULT '',
    hold_until            timestamptz,
    faults                integer NOT NULL DEFAULT 0,

    UNIQUE (collection_id, base_id),
    UNIQUE (collection_id, name) INCLUDE (id, state, blocked),
    CHECK (NOT skip_resolution OR resolution = 'unattempted')
);
CREATE INDEX package_base ON package (base_id);
CREATE INDEX package_name ON package (name);
CREATE INDEX package_counted ON package (collection_id, state, running) WHERE NOT blocked;
-- With the order by name above, those that lists are mostly asked in, to be read
-- from the index alone however far down the list; packageOrder spells them so.
-- Each makes storing what a repo means slower by a tenth.
CREATE INDEX package_listed ON package
    (collection_id, running DESC NULLS LAST, array_position('{unresolved,failing,ok,unknown,untracked}', state), name)
    INCLUDE (id, state) WHERE NOT blocked;
CREATE INDEX package_by_since ON package (collection_id, state_since DESC NULLS LAST, name) INCLUDE (id, state) WHERE NOT blocked;
CREATE INDEX package_by_start ON package (collection_id, last_build_started, name) INCLUDE (id, state) WHERE NOT blocked;
-- Schedulable packages: those with something that raises their priority, and
-- the rest, of which the one built longest ago is the most worthy.
CREATE INDEX package_raised ON package (collection_id)
    WHERE tracked AND NOT blocked AND NOT running AND resolution <> 'unresolved' AND last_build_id IS NOT NULL
      AND (static_priority <> 0 OR manual_priority <> 0 OR build_priority <> 0 OR dependency_priority <> 0);
CREATE INDEX package_idle ON package (collection_id, last_build_started)
    WHERE tracked AND NOT blocked AND NOT running AND resolution <> 'unresolved' AND last_build_id IS NOT NULL
      AND static_priority = 0 AND manual_priority = 0 AND build_priority = 0 AND dependency_priority = 0;
-- Packages to resolve without waiting for a repo.
CREATE INDEX package_due ON package (collection_id)
    WHERE tracked AND NOT blocked AND NOT skip_resolution AND last_complete_build_id IS NOT NULL
      AND resolved_build_id IS DISTINCT FROM last_complete_build_id;

CREATE TABLE build (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    package_id        bigint NOT NULL REFERENCES package ON DELETE CASCADE,
    origin            text NOT NULL CHECK (origin IN ('scratch', 'real')),
    outcome           text NOT NULL CHECK (outcome IN
        ('submitting', 'running', 'complete', 'failed', 'canceled', 'timeout', 'infrastructure', 'lost')),
    untagged          boolean NOT NULL DEFAULT false, -- of a source no longer in the destination tag
    event             bigint NOT NULL, -- orders a package's builds, then id
    hub               text NOT NULL DEFAULT 'primary' CHECK (hub IN ('primary', 'secondary')),
    task_id           bigint,
    koji_build_id     bigint,
    copied_from       bigint, -- made by branching; not a reference, the original may go with its collection
    epoch             bigint NOT NULL DEFAULT 0,
    version           text NOT NULL,
    release           text NOT NULL,
    repo_id           bigint,
    arches            text NOT NULL DEFAULT '',
    started           timestamptz NOT NULL,
    finished          timestamptz,
    cancel_requested  boolean NOT NULL DEFAULT false,
    trigger           jsonb, -- of a scratch build: the terms of its priority when it was chosen
    fault             text NOT NULL DEFAULT '',
    fault_task_id     bigint,
    deps              text NOT NULL DEFAULT 'pending'
        CHECK (deps IN ('pending', 'resolved', 'unresolved', 'unavailable')),
    dependency_set_id bigint REFERENCES dependency_set,
    input_identity    bytea,
    CHECK ((finished IS NULL) = (outcome IN ('submitting', 'running'))),
    CHECK (outcome = 'submitting' OR outcome = 'lost' OR task_id IS NOT NULL OR origin = 'real'),
    CHECK (origin = 'scratch' OR koji_build_id IS NOT NULL),
    CHECK ((deps = 'resolved') = (dependency_set_id IS NOT NULL))
);
CREATE UNIQUE INDEX build_scratch_task ON build (hub, task_id) WHERE origin = 'scratch' AND copied_from IS NULL;
CREATE INDEX build_any_task ON build (task_id) WHERE task_id IS NOT NULL;
CREATE UNIQUE INDEX build_koji ON build (package_id, hub, koji_build_id) WHERE origin = 'real';
CREATE INDEX build_history ON build (package_id, event DESC, id DESC);
CREATE INDEX build_running ON build (package_id) WHERE outcome IN ('submitting', 'running');
CREATE INDEX build_untagged ON build (package_id) WHERE untagged;
-- Builds that the hub refused to make in the repo of our choice.
CREATE INDEX build_pinning_refused ON build (finished)
    WHERE outcome = 'infrastructure' AND fault LIKE '%policy violation (build_from_repo_id)%';
CREATE INDEX build_deps_pending ON build (repo_id, package_id) WHERE deps = 'pending' AND repo_id IS NOT NULL;
CREATE INDEX build_set ON build (dependency_set_id) WHERE dependency_set_id IS NOT NULL;
-- Two builds of one package cannot be under way at once, whoever asks.
CREATE UNIQUE INDEX build_one_running ON build (package_id)
    WHERE outcome IN ('submitting', 'running') AND origin = 'scratch';

ALTER TABLE package
    ADD FOREIGN KEY (last_build_id) REFERENCES build ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (last_complete_build_id) REFERENCES build ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX package_last_build ON package (last_build_id);
CREATE INDEX package_last_complete_build ON package (last_complete_build_id);

CREATE TABLE build_task (
    build_id bigint NOT NULL REFERENCES build ON DELETE CASCADE,
    task_id  bigint NOT NULL,
    method   text NOT NULL,
    arch     text NOT NULL,
    state    text NOT NULL CHECK (state IN ('free', 'open', 'closed', 'canceled', 'assigned', 'failed')),
    started  timestamptz NOT NULL,
    finished timestamptz,
    PRIMARY KEY (build_id, task_id)
);

-- What changed between a build and the one before it: three arrays of one
-- length, nevra ids (0 for none) and distances (0 for none). One row a build
-- keeps them small and, with GIN, searchable for "affected by", which asks only
-- of builds that broke: failed, after one that had not.
CREATE TABLE applied_change (
    build_id      bigint PRIMARY KEY REFERENCES build ON DELETE CASCADE,
    prev_build_id bigint NOT NULL,
    prev          integer[] NOT NULL,
    curr          integer[] NOT NULL,
    distance      smallint[] NOT NULL,
    broke         boolean NOT NULL DEFAULT false -- follows from the builds; kept by refreshLastBuilds
);
CREATE INDEX applied_change_prev ON applied_change USING gin (prev) WHERE broke;
CREATE INDEX applied_change_curr ON applied_change USING gin (curr) WHERE broke;

CREATE TABLE repo (
    collection_id    bigint NOT NULL REFERENCES collection ON DELETE CASCADE,
    repo_id          bigint NOT NULL,
    create_event     bigint NOT NULL,
    begin_event      bigint NOT NULL DEFAULT 0,
    end_event        bigint NOT NULL DEFAULT 0,
    created          timestamptz NOT NULL,
    resolved         text NOT NULL DEFAULT 'unattempted'
        CHECK (resolved IN ('unattempted', 'resolved', 'unresolved')),
    problems         text[] NOT NULL DEFAULT '{}',
    packages         integer NOT NULL DEFAULT 0,
    packages_failed  integer NOT NULL DEFAULT 0,
    packages_changed integer NOT NULL DEFAULT 0,
    solved           timestamptz,
    PRIMARY KEY (collection_id, repo_id)
);

-- What a repo has that the repo before it had otherwise, by source package.
CREATE TABLE repo_change (
    collection_id bigint NOT NULL,
    repo_id       bigint NOT NULL,
    source        text NOT NULL,
    prev          integer[] NOT NULL, -- nevra ids, paired with curr, 0 for none
    curr          integer[] NOT NULL,
    PRIMARY KEY (collection_id, repo_id, source),
    FOREIGN KEY (collection_id, repo_id) REFERENCES repo ON DELETE CASCADE
);

-- What the newest repo that gave another answer than the one before it says of
-- a package. The answer holds up to collection.latest_repo_id.
CREATE TABLE resolution (
    package_id        bigint PRIMARY KEY REFERENCES package ON DELETE CASCADE,
    repo_id           bigint NOT NULL,
    dependency_set_id bigint REFERENCES dependency_set,
    problems          text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX resolution_set ON resolution (dependency_set_id) WHERE dependency_set_id IS NOT NULL;

-- A row for each time a package became resolvable or not, or not for other reasons.
CREATE TABLE resolution_change (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    package_id bigint NOT NULL REFERENCES package ON DELETE CASCADE,
    repo_id    bigint NOT NULL,
    event      bigint NOT NULL DEFAULT 0,
    resolved   boolean NOT NULL,
    problems   text[] NOT NULL DEFAULT '{}',
    changed    timestamptz NOT NULL
);
CREATE INDEX resolution_change_package ON resolution_change (package_id, id DESC);

CREATE TABLE state_change (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    package_id bigint NOT NULL REFERENCES package ON DELETE CASCADE,
    prev       text NOT NULL,
    curr       text NOT NULL,
    changed    timestamptz NOT NULL
);
CREATE INDEX state_change_package ON state_change (package_id, id DESC);

-- Named places in the hub's order of events, one for each thing read up to there.
CREATE TABLE cursor (
    name  text PRIMARY KEY,
    event bigint NOT NULL
);

CREATE TABLE lease (
    name    text PRIMARY KEY,
    holder  text NOT NULL,
    term    bigint NOT NULL,
    expires timestamptz NOT NULL
);

CREATE TABLE outbox (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic    text NOT NULL,
    body     jsonb NOT NULL,
    created  timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due      timestamptz NOT NULL DEFAULT now(),
    sent     timestamptz
);
CREATE INDEX outbox_due ON outbox (due) WHERE sent IS NULL;

CREATE TABLE audit (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    logged        timestamptz NOT NULL,
    actor         text NOT NULL, -- a user's name, or a service's
    environment   text NOT NULL CHECK (environment IN ('admin', 'backend', 'frontend')),
    collection    text NOT NULL DEFAULT '',
    package       text NOT NULL DEFAULT '',
    message       text NOT NULL
);
CREATE INDEX audit_package ON audit (package, id DESC) WHERE package <> '';

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
