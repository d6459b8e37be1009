package maintain

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A Retention says what Cleanup may forget: everything of a kind from before a
// time (domain time). The zero time keeps all of that kind for ever.
type Retention struct {
	Builds      time.Time // that started before, with their tasks and changes
	Transitions time.Time // of resolutions and states, with counts of states and what was not met
	Repos       time.Time // that were made before, with what changed in them
	Events      time.Time // that happened before, with their deliveries, whether those were sent or not
}

// Cleaned counts what Cleanup removed.
type Cleaned struct {
	Builds      int
	Transitions int
	Repos       int
	Events      int
	Sets        int
	NEVRAs      int
}

// Cleanup removes what r allows to forget, then dependency sets and packages
// of them that nothing refers to any more. It never removes a build that is
// not over, nor those that a package's state and its next comparison stand on:
// its last, its last complete, and the one it is compared with. Nor does it
// remove the newest transition of a package, or a collection's latest repo or the
// one that its verdicts are about.
//
// It works in pieces, each a transaction, and may be ended at any moment. While
// it looks for packages that are not used, which takes seconds on a record of
// years, nobody else can store dependency sets.
func (mt *Maintenance) Cleanup(ctx context.Context, act audit.Act, r Retention) (Cleaned, error) {
	var done Cleaned
	for _, step := range []struct {
		what   string
		count  *int
		before time.Time
		run    func(context.Context, time.Time) (int, error)
	}{
		{"builds", &done.Builds, r.Builds, mt.forgetBuilds},
		{"transitions", &done.Transitions, r.Transitions, mt.forgetTransitions},
		{"repos", &done.Repos, r.Repos, mt.forgetRepos},
		{"events", &done.Events, r.Events, mt.forgetEvents},
	} {
		if step.before.IsZero() {
			continue
		}
		n, err := step.run(ctx, step.before)
		*step.count = n
		if err != nil {
			return done, fmt.Errorf("removing old %s: %w", step.what, err)
		}
	}
	err := mt.collectGarbage(ctx, &done)
	if err != nil {
		return done, fmt.Errorf("removing dependency sets that nothing refers to: %w", err)
	}
	_, err = audit.Change(ctx, mt.db, act, func(_ pgx.Tx, log *audit.Log) error {
		log.Add("", "", "cleanup removed %d builds, %d transitions, %d repos, %d events, %d dependency sets, %d packages of sets",
			done.Builds, done.Transitions, done.Repos, done.Events, done.Sets, done.NEVRAs)
		return nil
	})
	return done, err
}

// forgetBatch is the number of packages whose builds one transaction removes.
const forgetBatch = 500

func (mt *Maintenance) forgetBuilds(ctx context.Context, before time.Time) (removed int, err error) {
	rows, err := mt.db.Query(ctx, `
		SELECT DISTINCT package_id
		FROM build
		WHERE started < $1
		ORDER BY package_id`, before)
	if err != nil {
		return 0, err
	}
	packages, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, err
	}
	for batch := range slices.Chunk(packages, forgetBatch) {
		var n int
		err := mt.db.Transact(ctx, func(tx pgx.Tx) error {
			n, err = forgetBuildsOf(ctx, tx, batch, before)
			return err
		})
		if err != nil {
			return removed, err
		}
		removed += n
	}
	// Nobody has wanted to know of these sources since.
	_, err = mt.db.ExecOne(ctx, `DELETE FROM silent_source WHERE again < $1`, before)
	return removed, err
}

// forgettable is a build b of a package p that nothing stands on.
const forgettable = `b.outcome NOT IN ('submitting', 'running')
	AND b.id IS DISTINCT FROM p.last_build_id
	AND b.id IS DISTINCT FROM p.last_complete_build_id
	AND b.id IS DISTINCT FROM p.resolved_build_id
	AND b.id IS DISTINCT FROM (SELECT c.id ` + schema.ComparedBuild + `)`

// forgettableRepo is a repo r of a collection c that pages do not show the
// verdicts on. The latest is another one if its base buildroot is broken.
const forgettableRepo = `r.repo_id < c.latest_repo_id AND r.repo_id IS DISTINCT FROM (SELECT v.repo_id FROM (` + schema.VerdictsRepo + `) v)`

// CleanupPlan counts what Cleanup would remove now, but for the sets and names
// that nothing would refer to any more.
func (mt *Maintenance) CleanupPlan(ctx context.Context, r Retention) (Cleaned, error) {
	var plan Cleaned
	err := mt.db.Read(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			SELECT
				(SELECT count(*) FROM build b JOIN package p ON p.id = b.package_id WHERE b.started < $1 AND `+forgettable+`),
				(SELECT count(*) FROM resolution_change c WHERE c.changed < $2
					AND EXISTS (SELECT FROM resolution_change n WHERE n.package_id = c.package_id AND n.id > c.id))
				+ (SELECT count(*) FROM state_change c WHERE c.changed < $2
					AND EXISTS (SELECT FROM state_change n WHERE n.package_id = c.package_id AND n.id > c.id)),
				(SELECT count(*) FROM repo r JOIN collection c ON c.id = r.collection_id WHERE r.created < $3 AND `+forgettableRepo+`),
				(SELECT count(*) FROM event WHERE at < $4)`,
			r.Builds, r.Transitions, r.Repos, r.Events).Scan(&plan.Builds, &plan.Transitions, &plan.Repos, &plan.Events)
	})
	if err != nil {
		return Cleaned{}, fmt.Errorf("counting what is old: %w", err)
	}
	return plan, nil
}

// forgetBuildsOf locks the packages, so that no build becomes a last one
// while it is removed.
func forgetBuildsOf(ctx context.Context, tx pgx.Tx, packages []int64, before time.Time) (int, error) {
	if _, err := settle.LockPackages(ctx, tx, packages); err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, `
		DELETE FROM build b
		USING package p
		WHERE p.id = ANY($1) AND b.package_id = p.id AND b.started < $2 AND `+forgettable, packages, before)
	return int(tag.RowsAffected()), err
}

func (mt *Maintenance) forgetTransitions(ctx context.Context, before time.Time) (int, error) {
	return mt.db.ExecOne(ctx, `
		WITH resolutions AS (
			DELETE FROM resolution_change c
			WHERE c.changed < $1
				AND EXISTS (SELECT FROM resolution_change n WHERE n.package_id = c.package_id AND n.id > c.id)
			RETURNING c.id
		), states AS (
			DELETE FROM state_change c
			WHERE c.changed < $1
				AND EXISTS (SELECT FROM state_change n WHERE n.package_id = c.package_id AND n.id > c.id)
			RETURNING c.id
		), counts AS (
			DELETE FROM state_count WHERE at < $1
		), met AS (
			DELETE FROM unmet WHERE ended < $1
		)
		SELECT id FROM resolutions
		UNION ALL
		SELECT id FROM states`, before)
}

func (mt *Maintenance) forgetRepos(ctx context.Context, before time.Time) (int, error) {
	return mt.db.ExecOne(ctx, `
		DELETE FROM repo r
		USING collection c
		WHERE c.id = r.collection_id AND r.created < $1 AND `+forgettableRepo, before)
}

func (mt *Maintenance) forgetEvents(ctx context.Context, before time.Time) (int, error) {
	return mt.db.ExecOne(ctx, `DELETE FROM event WHERE at < $1`, before)
}

// collectGarbage removes sets and packages that nothing refers to, while
// nobody can begin to refer to them.
func (mt *Maintenance) collectGarbage(ctx context.Context, done *Cleaned) error {
	return mt.db.Transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(built.Collecting)); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			DELETE FROM dependency_set s
			WHERE NOT EXISTS (SELECT FROM build b WHERE b.dependency_set_id = s.id)`)
		if err != nil {
			return err
		}
		done.Sets = int(tag.RowsAffected())
		used, err := mt.usedNEVRAs(ctx, tx)
		if err != nil {
			return err
		}
		done.NEVRAs, err = removeNEVRAsBut(ctx, tx, used)
		return err
	})
}

// usedNEVRAs returns the ids that anything stored refers to, as a bit for each.
func (mt *Maintenance) usedNEVRAs(ctx context.Context, tx pgx.Tx) (*schema.IDBits, error) {
	used := &schema.IDBits{}
	rows, err := tx.Query(ctx, `
		SELECT content FROM dependency_set
		UNION ALL
		SELECT set_content FROM resolution WHERE set_content IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	var content []byte
	_, err = pgx.ForEachRow(rows, []any{&content}, func() error {
		set, err := mt.sets.Decode(content)
		for _, m := range set {
			used.Add(m.ID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, err = tx.Query(ctx, `
		SELECT prev, curr FROM applied_change
		UNION ALL
		SELECT prev, curr FROM repo_change`)
	if err != nil {
		return nil, err
	}
	var prev, curr []int32
	_, err = pgx.ForEachRow(rows, []any{&prev, &curr}, func() error {
		for _, id := range slices.Concat(prev, curr) {
			used.Add(id)
		}
		return nil
	})
	return used, err
}

func removeNEVRAsBut(ctx context.Context, tx pgx.Tx, used *schema.IDBits) (int, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM nevra`)
	if err != nil {
		return 0, err
	}
	var unused []int32
	var id int32
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		if !used.Has(id) {
			unused = append(unused, id)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	// Also if this comes to nothing: the next generation is as good.
	if _, err := tx.Exec(ctx, `SELECT nextval('nevra_collected')`); err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, `DELETE FROM nevra WHERE id = ANY($1)`, unused)
	return int(tag.RowsAffected()), err
}
