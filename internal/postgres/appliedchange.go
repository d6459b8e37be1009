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

// BuildDependencies are what a build was made with.
type BuildDependencies struct {
	BuildID int64
	Set     Set
}

// SaveBuildDependencies stores what builds were made with, once and for good,
// their input identity, and what had changed since the build before each.
// Builds may be resolved in any order: the changes of the build after one are
// made anew. Builds whose dependencies are known already are left alone; the
// others are counted.
//
// A set of ids that are not interned any more is koschei.ErrConflict.
func (db *DB) SaveBuildDependencies(ctx context.Context, builds []BuildDependencies) (stored int, err error) {
	err = db.transact(ctx, func(tx pgx.Tx) error {
		stored, err = db.saveBuildDependencies(ctx, tx, builds)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("storing the dependencies of %d builds: %w", len(builds), err)
	}
	return stored, nil
}

func (db *DB) saveBuildDependencies(ctx context.Context, tx pgx.Tx, builds []BuildDependencies) (int, error) {
	if err := lockInterned(ctx, tx); err != nil {
		return 0, err
	}
	wanted := make([]int64, len(builds))
	for i, b := range builds {
		wanted[i] = b.BuildID
	}
	sources, err := lockPendingBuilds(ctx, tx, wanted)
	if err != nil {
		return 0, err
	}
	var ids []int64
	var sets []Set
	var identities [][]byte
	for _, b := range builds {
		if source, pending := sources[b.BuildID]; pending {
			ids, sets = append(ids, b.BuildID), append(sets, b.Set)
			identities = append(identities, b.Set.InputIdentity(source))
		}
	}
	setIDs, err := db.storeSets(ctx, tx, sets)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE build b
		SET deps = 'resolved', dependency_set_id = r.set_id, input_identity = r.identity
		FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) AS r (id, set_id, identity)
		WHERE b.id = r.id`, ids, setIDs, identities)
	if err != nil {
		return 0, err
	}
	if err := resolveAgain(ctx, tx, ids); err != nil {
		return 0, err
	}
	pairs, err := neighbours(ctx, tx, ids)
	for next, prev := range pairs {
		if err == nil {
			err = db.storeChanges(ctx, tx, prev, next)
		}
	}
	return len(ids), err
}

// lockPendingBuilds locks builds and, before them, their packages, and returns
// the sources of those whose dependencies are still to be found.
func lockPendingBuilds(ctx context.Context, tx pgx.Tx, ids []int64) (map[int64]rpm.NEVRA, error) {
	packages, err := collectIDs(tx.Query(ctx, `SELECT DISTINCT package_id FROM build WHERE id = ANY($1)`, ids))
	if err != nil {
		return nil, err
	}
	if _, err := lockPackages(ctx, tx, packages); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT b.id, p.name, b.epoch, b.version, b.release
		FROM build b
		JOIN package p ON p.id = b.package_id
		WHERE b.id = ANY($1) AND b.deps = 'pending'
		ORDER BY b.id
		FOR NO KEY UPDATE OF b`, ids)
	if err != nil {
		return nil, err
	}
	sources := map[int64]rpm.NEVRA{}
	var id int64
	source := rpm.NEVRA{Arch: "src"}
	_, err = pgx.ForEachRow(rows, []any{&id, &source.Name, &source.Epoch, &source.Version, &source.Release}, func() error {
		sources[id] = source
		return nil
	})
	return sources, err
}

// neighbours returns which builds' changes are to be made anew because of some
// builds, each with the build before it: all of known dependencies that take
// part in comparisons.
func neighbours(ctx context.Context, tx pgx.Tx, ids []int64) (map[int64]int64, error) {
	rows, err := tx.Query(ctx, `
		SELECT b.id, coalesce((
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
		WHERE b.id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	pairs := map[int64]int64{}
	var id, prev, next int64
	_, err = pgx.ForEachRow(rows, []any{&id, &prev, &next}, func() error {
		if prev != 0 {
			pairs[id] = prev
		}
		if next != 0 {
			pairs[next] = id
		}
		return nil
	})
	return pairs, err
}

// storeChanges stores what changed from one build to the next.
func (db *DB) storeChanges(ctx context.Context, tx pgx.Tx, prev, next int64) error {
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
