package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// SaveBuildDependencies stores what a build was made with, once and for good,
// its input identity, and what had changed since the build before it. Builds
// may be resolved in any order: the changes of the build after it are made
// anew. It reports whether anything was stored: not if the build's
// dependencies were known already.
//
// A set of ids that are not interned any more is koschei.ErrConflict.
func (db *DB) SaveBuildDependencies(ctx context.Context, buildID int64, set Set) (stored bool, err error) {
	err = db.transact(ctx, func(tx pgx.Tx) error {
		stored, err = db.saveBuildDependencies(ctx, tx, buildID, set)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("storing the dependencies of build %d: %w", buildID, err)
	}
	return stored, nil
}

func (db *DB) saveBuildDependencies(ctx context.Context, tx pgx.Tx, buildID int64, set Set) (bool, error) {
	if err := lockInterned(ctx, tx); err != nil {
		return false, err
	}
	source, pending, err := lockPendingBuild(ctx, tx, buildID)
	if err != nil || !pending {
		return false, err
	}
	ids, err := db.storeSets(ctx, tx, []Set{set})
	if err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE build
		SET deps = 'resolved', dependency_set_id = $2, input_identity = $3
		WHERE id = $1`, buildID, ids[0], set.InputIdentity(source))
	if err != nil {
		return false, err
	}
	if err := resolveAgain(ctx, tx, buildID); err != nil {
		return false, err
	}
	prev, next, err := neighbours(ctx, tx, buildID)
	if err != nil {
		return false, err
	}
	if err := db.storeChanges(ctx, tx, prev, buildID); err != nil {
		return false, err
	}
	return true, db.storeChanges(ctx, tx, buildID, next)
}

// lockPendingBuild locks a build and, before it, its package, and returns the
// source that was built and whether its dependencies are still to be found.
func lockPendingBuild(ctx context.Context, tx pgx.Tx, buildID int64) (source rpm.NEVRA, pending bool, err error) {
	var packageID int64
	err = tx.QueryRow(ctx, `
		SELECT p.id, p.name
		FROM package p
		JOIN build b ON b.package_id = p.id
		WHERE b.id = $1
		FOR NO KEY UPDATE OF p`, buildID).Scan(&packageID, &source.Name)
	if err != nil {
		return source, false, notFound(err, "build %d", buildID)
	}
	source.Arch = "src"
	err = tx.QueryRow(ctx, `
		SELECT epoch, version, release, deps = 'pending'
		FROM build
		WHERE id = $1
		FOR NO KEY UPDATE`, buildID).Scan(&source.Epoch, &source.Version, &source.Release, &pending)
	return source, pending, err
}

// neighbours returns the builds of known dependencies right before and after a
// build that take part in comparisons, 0 if there is none.
func neighbours(ctx context.Context, tx pgx.Tx, buildID int64) (prev, next int64, err error) {
	err = tx.QueryRow(ctx, `
		SELECT coalesce((
			SELECT p.id
			FROM build p
			WHERE p.package_id = b.package_id AND (p.event, p.id) < (b.event, b.id) AND p.deps = 'resolved'
				AND p.outcome IN ('submitting', 'running', 'complete', 'failed')
			ORDER BY p.event DESC, p.id DESC
			LIMIT 1), 0), coalesce((
			SELECT n.id
			FROM build n
			WHERE n.package_id = b.package_id AND (n.event, n.id) > (b.event, b.id) AND n.deps = 'resolved'
				AND n.outcome IN ('submitting', 'running', 'complete', 'failed')
				AND b.outcome IN ('submitting', 'running', 'complete', 'failed')
			ORDER BY n.event, n.id
			LIMIT 1), 0)
		FROM build b
		WHERE b.id = $1`, buildID).Scan(&prev, &next)
	return prev, next, err
}

// storeChanges stores what changed from one build to the next, unless one of
// them is 0.
func (db *DB) storeChanges(ctx context.Context, tx pgx.Tx, prev, next int64) error {
	if prev == 0 || next == 0 {
		return nil
	}
	before, err := db.setOf(ctx, tx, prev)
	if err != nil {
		return err
	}
	after, err := db.setOf(ctx, tx, next)
	if err != nil {
		return err
	}
	coded, err := codeChanges(ctx, tx, before, after)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO applied_change (build_id, prev_build_id, prev, curr, distance, failed)
		SELECT id, $2, $3, $4, $5, outcome = 'failed'
		FROM build
		WHERE id = $1
		ON CONFLICT (build_id) DO UPDATE
		SET prev_build_id = excluded.prev_build_id, prev = excluded.prev, curr = excluded.curr,
			distance = excluded.distance`, next, prev, coded.prev, coded.curr, coded.distance)
	return err
}

func (db *DB) setOf(ctx context.Context, tx pgx.Tx, buildID int64) (Set, error) {
	var content []byte
	err := tx.QueryRow(ctx, `
		SELECT s.content
		FROM build b
		JOIN dependency_set s ON s.id = b.dependency_set_id
		WHERE b.id = $1`, buildID).Scan(&content)
	if err != nil {
		return nil, err
	}
	return db.sets.decode(content)
}

// codeChanges is koschei.DiffDependencies of stored sets, in ids.
func codeChanges(ctx context.Context, tx pgx.Tx, before, after Set) (codedChanges, error) {
	coded := codedChanges{prev: []int32{}, curr: []int32{}, distance: []int16{}}
	gone, come := Diff(before, after)
	prev, err := dependencies(ctx, tx, gone)
	if err != nil {
		return coded, err
	}
	curr, err := dependencies(ctx, tx, come)
	if err != nil {
		return coded, err
	}
	ids, err := idsOf(ctx, tx, prev, curr)
	if err != nil {
		return coded, err
	}
	for _, change := range koschei.DiffDependencies(prev, curr) {
		coded.prev = append(coded.prev, idOf(ids, change.Prev))
		coded.curr = append(coded.curr, idOf(ids, change.Curr))
		coded.distance = append(coded.distance, int16(change.Distance))
	}
	return coded, nil
}

func idsOf(ctx context.Context, tx pgx.Tx, sets ...[]koschei.Dependency) (map[rpm.NEVRA]int32, error) {
	var nevras []rpm.NEVRA
	for _, d := range slices.Concat(sets...) {
		nevras = append(nevras, d.NEVRA)
	}
	places := make([]int, len(nevras))
	for i := range places {
		places[i] = i
	}
	found := make([]int32, len(nevras))
	if _, err := findNEVRAs(ctx, tx, nevras, found, places); err != nil {
		return nil, err
	}
	ids := make(map[rpm.NEVRA]int32, len(nevras))
	for i, n := range nevras {
		ids[n] = found[i]
	}
	return ids, nil
}

func idOf(ids map[rpm.NEVRA]int32, n *rpm.NEVRA) int32 {
	if n == nil {
		return 0
	}
	return ids[*n]
}

// An Affected is a build that failed, of a package that had not failed before,
// with a change of the dependency in question.
type Affected struct {
	Package string
	Build   BuildRef
	Change  koschei.Change
}

// AffectedBy returns the builds of a collection's tracked packages that failed,
// the package's build before having not, and that were the first to have a
// step of the way of dependency name from one EVR to the other: nearest
// dependencies first, then newest builds. The way may lead down as well as
// up; a build counts if it went the same direction, and one that the
// dependency was new to, or that lost it, if that was at a version on the way.
func (db *DB) AffectedBy(ctx context.Context, collection, name string, from, to rpm.EVR, limit int) (affected []Affected, err error) {
	err = db.read(ctx, func(tx pgx.Tx) error {
		affected, err = affectedBy(ctx, tx, collection, name, from, to, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("finding builds affected by %s: %w", name, err)
	}
	return affected, nil
}

func affectedBy(ctx context.Context, tx pgx.Tx, collection, name string, from, to rpm.EVR, limit int) ([]Affected, error) {
	var collectionID int64
	err := tx.QueryRow(ctx, `SELECT id FROM collection WHERE name = $1`, collection).Scan(&collectionID)
	if err != nil {
		return nil, notFound(err, "collection %s", collection)
	}
	all, err := nevrasNamed(ctx, tx, name)
	if err != nil {
		return nil, err
	}
	if from.Compare(to) == 0 {
		return nil, nil // a way without a step
	}
	way := newWay(from, to)
	started, reached := way.ids(all)
	return affectedBuilds(ctx, tx, collectionID, all, started, reached, way, limit)
}

// A way is where a dependency went from one EVR to another. Its EVRs are
// compared along it, so that it always leads from less to more.
type way struct {
	from, to rpm.EVR
	down     bool
}

func newWay(from, to rpm.EVR) way { return way{from: from, to: to, down: from.Compare(to) > 0} }

func (w way) less(a, b rpm.EVR) bool {
	if w.down {
		a, b = b, a
	}
	return a.Compare(b) < 0
}

// ids returns which packages a step of the way can start from, and which it
// can reach, however long the step.
func (w way) ids(all map[int32]rpm.NEVRA) (started, reached []int32) {
	started, reached = []int32{}, []int32{}
	for id, n := range all {
		if w.less(n.EVR, w.to) {
			started = append(started, id)
		}
		if w.less(w.from, n.EVR) {
			reached = append(reached, id)
		}
	}
	return started, reached
}

// takes tells whether a change of the dependency has a step of the way.
func (w way) takes(prev, curr *rpm.NEVRA) bool {
	switch {
	case prev == nil:
		return w.less(w.from, curr.EVR) && !w.less(w.to, curr.EVR)
	case curr == nil:
		return w.less(prev.EVR, w.to) && !w.less(prev.EVR, w.from)
	}
	return w.less(prev.EVR, curr.EVR) && w.less(prev.EVR, w.to) && w.less(w.from, curr.EVR)
}

func nevrasNamed(ctx context.Context, tx pgx.Tx, name string) (map[int32]rpm.NEVRA, error) {
	rows, err := tx.Query(ctx, `SELECT id, name, epoch, version, release, arch FROM nevra WHERE name = $1`, name)
	if err != nil {
		return nil, err
	}
	all := map[int32]rpm.NEVRA{}
	var id int32
	var n rpm.NEVRA
	_, err = pgx.ForEachRow(rows, []any{&id, &n.Name, &n.Epoch, &n.Version, &n.Release, &n.Arch}, func() error {
		all[id] = n
		return nil
	})
	return all, err
}

func affectedBuilds(ctx context.Context, tx pgx.Tx, collectionID int64, all map[int32]rpm.NEVRA,
	started, reached []int32, w way, limit int,
) ([]Affected, error) {
	rows, err := tx.Query(ctx, `
		SELECT p.name, b.id, b.outcome, b.origin, b.epoch, b.version, b.release, coalesce(b.repo_id, 0), b.event,
			b.started, c.prev, c.curr, c.distance
		FROM (
			SELECT a.build_id, d.prev, d.curr, d.distance
			FROM applied_change a
			CROSS JOIN LATERAL unnest(a.prev, a.curr, a.distance) AS d (prev, curr, distance)
			WHERE a.failed AND (a.curr && $2::integer[] OR a.prev && $3::integer[])
				AND (d.prev = 0 OR d.prev = ANY($3)) AND (d.curr = 0 OR d.curr = ANY($2))
		) c
		JOIN build b ON b.id = c.build_id
		JOIN package p ON p.id = b.package_id
		WHERE p.collection_id = $1 AND p.tracked AND NOT p.blocked AND b.outcome = 'failed'
			AND (
				SELECT e.outcome
				FROM build e
				WHERE e.package_id = b.package_id AND (e.event, e.id) < (b.event, b.id)
					AND e.outcome IN ('complete', 'failed')
				ORDER BY e.event DESC, e.id DESC
				LIMIT 1) = 'complete'
		ORDER BY nullif(c.distance, 0), b.event DESC, b.id DESC`, collectionID, reached, started)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var affected []Affected
	for rows.Next() && len(affected) < limit {
		a, err := scanAffected(rows, all)
		if err != nil {
			return nil, err
		}
		if w.takes(a.Change.Prev, a.Change.Curr) {
			affected = append(affected, a)
		}
	}
	return affected, rows.Err()
}

func scanAffected(rows pgx.Rows, all map[int32]rpm.NEVRA) (Affected, error) {
	var a Affected
	var prev, curr int32
	err := rows.Scan(&a.Package, &a.Build.ID, &a.Build.Outcome, &a.Build.Origin, &a.Build.EVR.Epoch, &a.Build.EVR.Version,
		&a.Build.EVR.Release, &a.Build.RepoID, &a.Build.Event, &a.Build.Started, &prev, &curr, &a.Change.Distance)
	if err != nil {
		return a, err
	}
	if n, ok := all[prev]; ok {
		a.Change.Prev, a.Change.Name = &n, n.Name
	}
	if n, ok := all[curr]; ok {
		a.Change.Curr, a.Change.Name = &n, n.Name
	}
	if a.Change.Name == "" {
		return a, errors.New("a change of nothing is stored")
	}
	return a, nil
}
