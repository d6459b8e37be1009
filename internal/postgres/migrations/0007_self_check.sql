-- What the self-check looks for must be found without reading all builds.

-- +goose Up

-- Builds that nobody would find out what they were made with.
CREATE INDEX build_repo_unknown ON build (package_id) WHERE deps = 'pending' AND repo_id IS NULL;

-- +goose Down
-- Going back is restoring a backup; see docs/operations/backup.md.
