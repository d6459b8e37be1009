-- The tables of the original Koschei that are read, with the types and nulls
-- that it allows.

CREATE TABLE "user" (
    id serial PRIMARY KEY, name text UNIQUE NOT NULL, admin boolean NOT NULL DEFAULT false);
CREATE TABLE collection (
    id serial PRIMARY KEY, "order" integer NOT NULL DEFAULT 100, name text UNIQUE NOT NULL, display_name text NOT NULL,
    secondary_mode boolean DEFAULT false, target text NOT NULL, dest_tag text NOT NULL, build_tag text NOT NULL,
    bugzilla_product text, bugzilla_version text, priority_coefficient float DEFAULT 1, build_group text DEFAULT 'build',
    latest_repo_id integer, latest_repo_resolved boolean, poll_untracked boolean DEFAULT true,
    CHECK ((latest_repo_id IS NULL) = (latest_repo_resolved IS NULL)));
CREATE TABLE collection_group (
    id serial PRIMARY KEY, name text UNIQUE NOT NULL, display_name text NOT NULL);
CREATE TABLE collection_group_relation (
    group_id integer REFERENCES collection_group, collection_id integer REFERENCES collection,
    PRIMARY KEY (group_id, collection_id));
CREATE TABLE base_package (
    id serial PRIMARY KEY, name text UNIQUE NOT NULL, all_blocked boolean DEFAULT true);
CREATE TABLE package (
    id serial PRIMARY KEY, base_id integer NOT NULL REFERENCES base_package,
    collection_id integer NOT NULL REFERENCES collection, name text NOT NULL, arch_override text,
    skip_resolution boolean DEFAULT false, last_build_id integer, last_complete_build_id integer,
    last_complete_build_state integer, resolved boolean, static_priority integer DEFAULT 0,
    manual_priority integer DEFAULT 0, build_priority integer DEFAULT 0, dependency_priority integer DEFAULT 0,
    tracked boolean DEFAULT false, blocked boolean DEFAULT false, scheduler_skip_reason integer,
    UNIQUE (base_id, collection_id), CHECK (NOT skip_resolution OR resolved IS NULL));
CREATE TABLE build (
    id serial PRIMARY KEY, package_id integer REFERENCES package, state integer NOT NULL, task_id integer NOT NULL,
    started timestamp NOT NULL, finished timestamp, epoch integer, version text, release text, repo_id integer,
    last_complete boolean DEFAULT false, cancel_requested boolean DEFAULT false, deps_resolved boolean,
    real boolean DEFAULT false, untagged boolean DEFAULT false, dependency_keys bytea,
    CHECK (state IN (2, 3, 5)), CHECK (state = 2 OR repo_id IS NOT NULL), CHECK (state = 2 OR version IS NOT NULL),
    CHECK (state = 2 OR release IS NOT NULL), CHECK (NOT real OR state <> 2));
CREATE TABLE koji_task (
    id serial PRIMARY KEY, build_id integer NOT NULL REFERENCES build, task_id integer NOT NULL, arch text NOT NULL,
    state integer NOT NULL, started timestamp NOT NULL, finished timestamp);
CREATE TABLE dependency (
    id serial PRIMARY KEY, name text NOT NULL, epoch integer, version text NOT NULL, release text NOT NULL,
    arch text NOT NULL);
CREATE UNIQUE INDEX ON dependency (name, epoch, version, release, arch);
CREATE TABLE applied_change (
    id serial PRIMARY KEY, build_id integer NOT NULL REFERENCES build, prev_dep_id integer REFERENCES dependency,
    curr_dep_id integer REFERENCES dependency, distance integer,
    CHECK (coalesce(prev_dep_id, 0) <> coalesce(curr_dep_id, 0)));
CREATE TABLE resolution_change (
    id serial PRIMARY KEY, package_id integer NOT NULL REFERENCES package, resolved boolean NOT NULL,
    timestamp timestamp NOT NULL DEFAULT clock_timestamp());
CREATE TABLE resolution_problem (
    id serial PRIMARY KEY, resolution_id integer NOT NULL REFERENCES resolution_change, problem text NOT NULL);
CREATE TABLE package_group (
    id serial PRIMARY KEY, namespace text, name text NOT NULL);
CREATE TABLE package_group_relation (
    group_id integer REFERENCES package_group, base_id integer REFERENCES base_package, PRIMARY KEY (group_id, base_id));
CREATE TABLE group_acl (
    group_id integer REFERENCES package_group, user_id integer REFERENCES "user", PRIMARY KEY (group_id, user_id));
CREATE TABLE admin_notice (key text PRIMARY KEY, content text NOT NULL);
