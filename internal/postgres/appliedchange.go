package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// BuildDependencies are what a build was made with.
type BuildDependencies struct {
	BuildID int64
	Set     depset.Set
}

// SaveBuildDependencies stores what builds were made with, once and for good,
// their input identity, and what had changed since the build before each.
// Builds may be resolved in any order: the changes of the build after one are
// made anew. Builds whose dependencies are known already are left alone; the
// others are counted.
//
// A set of ids that are not interned any more is koschei.ErrConflict.
func (db *Fenced) SaveBuildDependencies(ctx context.Context, builds []BuildDependencies) (stored int, err error) {
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
	var sets []depset.Set
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

// compareAgain makes the changes anew that depend on whether a build counts: it
// takes part in comparisons, or does so no more.
func (db *DB) compareAgain(ctx context.Context, tx pgx.Tx, buildID int64) error {
	affected, err := collectIDs(tx.Query(ctx, `
		SELECT a.id
		FROM build b
		CROSS JOIN LATERAL (
			(SELECT b.id WHERE b.outcome IN ('submitting', 'running', 'complete', 'failed'))
			UNION ALL
			(SELECT n.id
			FROM build n
			WHERE n.package_id = b.package_id AND (n.event, n.id) > (b.event, b.id) AND n.deps = 'resolved'
				AND n.outcome IN ('submitting', 'running', 'complete', 'failed')
			ORDER BY n.event, n.id
			LIMIT 1)
		) a
		WHERE b.id = $1 AND b.deps = 'resolved'`, buildID))
	if err != nil || len(affected) == 0 {
		return err
	}
	pairs, err := neighbours(ctx, tx, affected)
	if err != nil {
		return err
	}
	for _, id := range affected {
		if pairs[id] == 0 {
			_, err = tx.Exec(ctx, `DELETE FROM applied_change WHERE build_id = $1`, id)
		} else {
			err = db.storeChanges(ctx, tx, pairs[id], id)
		}
		if err != nil {
			return fmt.Errorf("comparing with the build before: %w", err)
		}
	}
	return nil
}

// broke tells of a build (of alias b) whether it failed and the one that ended
// before it had not.
const broke = `CASE WHEN b.outcome = 'failed' THEN coalesce((
		SELECT e.outcome
		FROM build e
		WHERE e.package_id = b.package_id AND (e.event, e.id) < (b.event, b.id) AND e.outcome IN ('complete', 'failed')
		ORDER BY e.event DESC, e.id DESC
		LIMIT 1) = 'complete', false) ELSE false END`

// refreshBroke makes the changes of packages' builds say which of these broke.
func refreshBroke(ctx context.Context, tx pgx.Tx, packageIDs []int64) error {
	these, arg := among("b.package_id", packageIDs)
	_, err := tx.Exec(ctx, `
		UPDATE applied_change a
		SET broke = NOT a.broke
		FROM build b
		WHERE `+these+` AND a.build_id = b.id AND a.broke <> `+broke, arg)
	if err != nil {
		return fmt.Errorf("noting which builds broke: %w", err)
	}
	return nil
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
		INSERT INTO applied_change (build_id, prev_build_id, prev, curr, distance, broke)
		SELECT b.id, $2, $3, $4, $5, `+broke+`
		FROM build b
		WHERE b.id = $1
		ON CONFLICT (build_id) DO UPDATE
		SET prev_build_id = excluded.prev_build_id, prev = excluded.prev, curr = excluded.curr,
			distance = excluded.distance`, next, prev, coded.prev, coded.curr, coded.distance)
	return err
}

func (db *DB) setOf(ctx context.Context, tx pgx.Tx, buildID int64) (depset.Set, error) {
	var content []byte
	err := tx.QueryRow(ctx, `
		SELECT s.content
		FROM build b
		JOIN dependency_set s ON s.id = b.dependency_set_id
		WHERE b.id = $1`, buildID).Scan(&content)
	if err != nil {
		return nil, err
	}
	return db.sets.Decode(content)
}

// codeChanges is koschei.DiffDependencies of stored sets, in ids.
func codeChanges(ctx context.Context, tx pgx.Tx, before, after depset.Set) (codedChanges, error) {
	coded := codedChanges{prev: []int32{}, curr: []int32{}, distance: []int16{}}
	gone, come := depset.Diff(before, after)
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
