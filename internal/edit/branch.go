package edit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A Branch says how a collection is split in two.
type Branch struct {
	Master          string // the collection there is
	NewName         string // what it is called from now on
	Target          string // what it builds for from now on,
	DestTag         string // with the tags of that target
	BuildTag        string
	DisplayName     string // of the branch, which takes the master's old name
	BugzillaVersion string // of the branch; "" keeps the master's
}

// historyCopied is how far back a branch takes history along.
const historyCopied = 30 * 24 * time.Hour

// BranchCollection splits a collection as a release is branched: a new
// collection takes over the name, target, tags, order and settings of the
// master, with a display name of its own; the master goes on under a new name
// for another target, one place higher in the order. Both are in the groups the
// master was in. The branch has copies of all packages and of the last month's
// history, at least of each package's last complete build; it is not resolved
// yet. Builds under way stay with the master alone, so that none counts twice.
func (ed *Editor) BranchCollection(ctx context.Context, act audit.Act, b Branch) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		master, err := schema.LockCollection(ctx, tx, b.Master)
		if err != nil {
			return err
		}
		branch, before := *master, *master
		branch.DisplayName = b.DisplayName
		if b.BugzillaVersion != "" {
			branch.BugzillaVersion = b.BugzillaVersion
		}
		master.Name, master.Target, master.DestTag, master.BuildTag = b.NewName, b.Target, b.DestTag, b.BuildTag
		master.Order++
		for _, c := range []*koschei.Collection{master, &branch} {
			if err := c.Validate(); err != nil {
				return err
			}
		}
		if err := updateCollection(ctx, tx, &before, master); err != nil {
			return err
		}
		auditCollection(log, &before, master)
		log.Add(branch.Name, "", "collection %s branched from %s", branch.Name, master.Name)
		return copyCollection(ctx, tx, master.ID, &branch, act.Now, act.Now.Add(-historyCopied))
	})
}

// ForkCollection makes a collection like master, in the same groups, but with
// its own name, display name, target and tags. Of history it has each package's
// last complete build alone; it is not resolved yet.
func (ed *Editor) ForkCollection(ctx context.Context, act audit.Act, master string, fork koschei.Collection) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		of, err := schema.LockCollection(ctx, tx, master)
		if err != nil {
			return err
		}
		c := *of
		c.Name, c.DisplayName = fork.Name, fork.DisplayName
		c.Target, c.DestTag, c.BuildTag = fork.Target, fork.DestTag, fork.BuildTag
		c.BugzillaProduct = ""
		if err := c.Validate(); err != nil {
			return err
		}
		log.Add(c.Name, "", "collection %s forked from %s", c.Name, master)
		return copyCollection(ctx, tx, of.ID, &c, act.Now, act.Now)
	})
}

// copyCollection stores c as a new collection with copies of the packages of
// another and of those of its builds and transitions that are newer than since.
// Nobody is told of the states of the copies: nothing has happened. What
// was copied of their history may lead to another state than theirs, for they are
// not resolved, or the master's have just changed: then one more transition does.
func copyCollection(ctx context.Context, tx pgx.Tx, from int64, c *koschei.Collection, now, since time.Time) error {
	if err := insertCollection(ctx, tx, c); err != nil {
		return err
	}
	for _, step := range copySteps {
		if _, err := tx.Exec(ctx, step.sql, pgx.NamedArgs{"from": from, "to": c.ID, "since": since}); err != nil {
			return fmt.Errorf("copying %s to collection %s: %w", step.what, c.Name, err)
		}
	}
	rows, err := tx.Query(ctx, `SELECT id FROM package WHERE collection_id = $1`, c.ID)
	if err != nil {
		return fmt.Errorf("copying packages to collection %s: %w", c.Name, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("copying packages to collection %s: %w", c.Name, err)
	}
	if err := settle.RefreshLastBuilds(ctx, tx, ids); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		WITH other AS (
			INSERT INTO state_change (collection_id, package_id, prev, curr, changed)
			SELECT @to, p.id, last.curr, p.state, @now
			FROM package p
			JOIN LATERAL (SELECT s.curr FROM state_change s WHERE s.package_id = p.id ORDER BY s.id DESC LIMIT 1) last ON true
			WHERE p.collection_id = @to AND p.state <> last.curr
			ORDER BY p.id
		)
		UPDATE package p
		SET noted_state = p.state,
			state_since = CASE WHEN p.state = old.state THEN old.state_since ELSE @now END
		FROM package old
		WHERE p.collection_id = @to AND old.collection_id = @from AND old.base_id = p.base_id`,
		pgx.NamedArgs{"from": from, "to": c.ID, "now": now})
	if err != nil {
		return fmt.Errorf("noting states of collection %s: %w", c.Name, err)
	}
	return nil
}

// pairs names every package of the collection copied from as p and its copy as
// q; copies does so with builds, b and d.
const (
	pairs  = `package p JOIN package q ON q.collection_id = @to AND q.base_id = p.base_id`
	copies = pairs + `
		JOIN build d ON d.package_id = q.id
		JOIN build b ON b.id = d.copied_from`
)

var copySteps = []struct{ what, sql string }{
	{"groups", `
		INSERT INTO collection_group_member (group_id, collection_id)
		SELECT group_id, @to
		FROM collection_group_member
		WHERE collection_id = @from`},
	{"packages", `
		INSERT INTO package (base_id, collection_id, name, tracked, blocked, skip_resolution, arch_override,
			static_priority, manual_priority, build_priority)
		SELECT base_id, @to, name, tracked, blocked, skip_resolution, arch_override,
			static_priority, manual_priority, build_priority
		FROM package
		WHERE collection_id = @from`},
	{"builds", `
		INSERT INTO build (package_id, copied_from, origin, outcome, untagged, event, hub, task_id, koji_build_id,
			epoch, version, release, repo_id, owner, arches, started, finished, cancel_requested, trigger, fault, fault_task_id,
			deps, dependency_set_id, input_identity)
		SELECT q.id, b.id, b.origin, b.outcome, b.untagged, b.event, b.hub, b.task_id, b.koji_build_id,
			b.epoch, b.version, b.release, b.repo_id, b.owner, b.arches, b.started, b.finished, b.cancel_requested, b.trigger,
			b.fault, b.fault_task_id, b.deps, b.dependency_set_id, b.input_identity
		FROM ` + pairs + `
		JOIN build b ON b.package_id = p.id
		WHERE p.collection_id = @from
			AND b.outcome NOT IN ('submitting', 'running')
			AND (b.started >= @since OR b.id = p.last_complete_build_id)
		ORDER BY b.id`},
	{"tasks", `
		INSERT INTO build_task (build_id, task_id, method, arch, state, started, finished, host_id)
		SELECT d.id, t.task_id, t.method, t.arch, t.state, t.started, t.finished, t.host_id
		FROM ` + copies + `
		JOIN build_task t ON t.build_id = b.id
		WHERE p.collection_id = @from`},
	{"dependency changes", `
		INSERT INTO applied_change (build_id, prev_build_id, prev, curr, distance, via)
		SELECT d.id, coalesce(dp.id, a.prev_build_id), a.prev, a.curr, a.distance, a.via
		FROM ` + copies + `
		JOIN applied_change a ON a.build_id = b.id
		LEFT JOIN build dp ON dp.package_id = q.id AND dp.copied_from = a.prev_build_id
		WHERE p.collection_id = @from`},
	{"resolution changes", `
		INSERT INTO resolution_change (package_id, repo_id, event, resolved, problems, changed)
		SELECT q.id, r.repo_id, r.event, r.resolved, r.problems, r.changed
		FROM ` + pairs + `
		JOIN resolution_change r ON r.package_id = p.id
		WHERE p.collection_id = @from AND r.changed >= @since
		ORDER BY r.id`},
	{"state changes", `
		INSERT INTO state_change (collection_id, package_id, prev, curr, changed)
		SELECT @to, q.id, s.prev, s.curr, s.changed
		FROM ` + pairs + `
		JOIN state_change s ON s.package_id = p.id
		WHERE p.collection_id = @from AND s.changed >= @since
		ORDER BY s.id`},
}
