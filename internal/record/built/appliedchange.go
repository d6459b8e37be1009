package built

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// BuildDependencies are what a build was made with.
type BuildDependencies struct {
	BuildID int64
	Set     depset.Set
	Via     depset.Via // of what changed since the build before, as far as it is known
}

// SaveBuildDependencies stores what builds were made with; see
// record.Fenced.SaveBuildDependencies, whose transaction it is part of.
func (st *Store) SaveBuildDependencies(ctx context.Context, tx pgx.Tx, builds []BuildDependencies) (int, error) {
	if err := LockInterned(ctx, tx); err != nil {
		return 0, err
	}
	wanted := make([]int64, len(builds))
	for i, b := range builds {
		wanted[i] = b.BuildID
	}
	sources, err := LockPendingBuilds(ctx, tx, wanted)
	if err != nil {
		return 0, err
	}
	var ids []int64
	var sets []depset.Set
	var identities [][]byte
	via := map[int64]depset.Via{}
	for _, b := range builds {
		if source, pending := sources[b.BuildID]; pending {
			ids, sets = append(ids, b.BuildID), append(sets, b.Set)
			identities = append(identities, b.Set.InputIdentity(source))
			via[b.BuildID] = b.Via
		}
	}
	setIDs, err := st.storeSets(ctx, tx, sets)
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
	if err := settle.ResolveAgain(ctx, tx, ids); err != nil {
		return 0, err
	}
	pairs, err := neighbours(ctx, tx, ids)
	for next, prev := range pairs {
		if err == nil {
			err = st.storeChanges(ctx, tx, prev, next, via[next])
		}
	}
	if err != nil {
		return 0, err
	}
	packages, err := postgres.CollectIDs(tx.Query(ctx, `SELECT DISTINCT package_id FROM build WHERE id = ANY($1)`, ids))
	if err != nil {
		return 0, err
	}
	return len(ids), settle.NameCulprits(ctx, tx, packages)
}

// LockPendingBuilds locks builds and, before them, their packages, and returns
// the sources of those whose dependencies are still to be found.
func LockPendingBuilds(ctx context.Context, tx pgx.Tx, ids []int64) (map[int64]rpm.NEVRA, error) {
	packages, err := postgres.CollectIDs(tx.Query(ctx, `SELECT DISTINCT package_id FROM build WHERE id = ANY($1)`, ids))
	if err != nil {
		return nil, err
	}
	if _, err := settle.LockPackages(ctx, tx, packages); err != nil {
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

// takesPart says which builds take part in comparisons, once it is known what they
// were made with.
const takesPart = `outcome IN ('submitting', 'running', 'complete', 'failed')`

// buildBefore is the build p that a build b is compared with. It goes behind what is
// selected of p.
const buildBefore = `
	FROM build p
	WHERE p.package_id = b.package_id AND (p.event, p.id) < (b.event, b.id) AND p.deps = 'resolved' AND p.` + takesPart + `
	ORDER BY p.event DESC, p.id DESC
	LIMIT 1`

// comparedWith are the builds n that are compared with build b if that takes part in
// comparisons: those of known dependencies that follow, up to the first that takes
// part itself. Builds that ended for no fault of the package may be among them.
const comparedWith = `n.package_id = b.package_id AND (n.event, n.id) > (b.event, b.id) AND n.deps = 'resolved' AND NOT EXISTS (
	SELECT FROM build m
	WHERE m.package_id = b.package_id AND (m.event, m.id) > (b.event, b.id) AND (m.event, m.id) < (n.event, n.id)
		AND m.deps = 'resolved' AND m.` + takesPart + `)`

// neighbours returns which builds' changes are to be made anew because of some
// builds, each with the build before it: one of known dependencies that takes part
// in comparisons.
func neighbours(ctx context.Context, tx pgx.Tx, ids []int64) (map[int64]int64, error) {
	rows, err := tx.Query(ctx, `
		SELECT b.id, coalesce((SELECT p.id`+buildBefore+`), 0), ARRAY(
			SELECT n.id
			FROM build n
			WHERE b.`+takesPart+` AND `+comparedWith+`)
		FROM build b
		WHERE b.id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	pairs := map[int64]int64{}
	var id, prev int64
	var next []int64
	_, err = pgx.ForEachRow(rows, []any{&id, &prev, &next}, func() error {
		if prev != 0 {
			pairs[id] = prev
		}
		for _, n := range next {
			pairs[n] = id
		}
		return nil
	})
	return pairs, err
}

// CompareAgain makes the changes anew that depend on whether a build counts: it
// takes part in comparisons, or does so no more.
func (st *Store) CompareAgain(ctx context.Context, tx pgx.Tx, buildID int64) error {
	affected, err := postgres.CollectIDs(tx.Query(ctx, `
		SELECT a.id
		FROM build b
		CROSS JOIN LATERAL (
			(SELECT b.id WHERE b.`+takesPart+`)
			UNION ALL
			(SELECT n.id
			FROM build n
			WHERE `+comparedWith+`)
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
			err = st.storeChanges(ctx, tx, pairs[id], id, nil)
		}
		if err != nil {
			return fmt.Errorf("comparing with the build before: %w", err)
		}
	}
	return nil
}

// storeChanges stores what changed from one build to the next, and how that came
// into the buildroot; of that what was stored before stays.
func (st *Store) storeChanges(ctx context.Context, tx pgx.Tx, prev, next int64, via depset.Via) error {
	before, err := st.setOf(ctx, tx, prev)
	if err != nil {
		return err
	}
	after, err := st.setOf(ctx, tx, next)
	if err != nil {
		return err
	}
	coded, err := codeChanges(ctx, tx, before, after)
	if err != nil {
		return err
	}
	if via == nil {
		if via, err = storedVia(ctx, tx, next, after); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO applied_change (build_id, prev_build_id, prev, curr, distance, broke, via, named)
		SELECT b.id, @prev_build, @prev, @curr, @distance, `+settle.Broke+`, @via, false
		FROM build b
		WHERE b.id = @build
		ON CONFLICT (build_id) DO UPDATE
		SET prev_build_id = excluded.prev_build_id, prev = excluded.prev, curr = excluded.curr,
			distance = excluded.distance, via = excluded.via`, pgx.NamedArgs{
		"build": next, "prev_build": prev, "prev": coded.Prev, "curr": coded.Curr, "distance": coded.Distance,
		"via": after.EncodeVia(coded.Curr, via),
	})
	return err
}

// storedVia returns what is stored of how changed packages came into the buildroot
// of a build, which is set.
func storedVia(ctx context.Context, tx pgx.Tx, buildID int64, set depset.Set) (depset.Via, error) {
	var curr []int32
	var coded []int16
	err := tx.QueryRow(ctx, `SELECT curr, via FROM applied_change WHERE build_id = $1`, buildID).Scan(&curr, &coded)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return set.DecodeVia(curr, coded), err
}

// SetsBefore returns, by build, what the build before each was made with that
// takes part in comparisons and of which that is known.
func (st *Store) SetsBefore(ctx context.Context, buildIDs []int64) (map[int64]depset.Set, error) {
	rows, err := st.db.Query(ctx, `
		SELECT w.id, s.content
		FROM unnest($1::bigint[]) AS w (id)
		JOIN build b ON b.id = w.id
		CROSS JOIN LATERAL (SELECT p.dependency_set_id`+buildBefore+`) p
		JOIN dependency_set s ON s.id = p.dependency_set_id`, buildIDs)
	if err != nil {
		return nil, fmt.Errorf("reading what builds before were made with: %w", err)
	}
	contents := map[int64]schema.SetContent{}
	var id int64
	var content schema.SetContent
	_, err = pgx.ForEachRow(rows, []any{&id, (*[]byte)(&content)}, func() error {
		contents[id], content = content, nil
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what builds before were made with: %w", err)
	}
	return schema.DecodeSets(st.sets, contents)
}

func (st *Store) setOf(ctx context.Context, tx pgx.Tx, buildID int64) (depset.Set, error) {
	var content []byte
	err := tx.QueryRow(ctx, `
		SELECT s.content
		FROM build b
		JOIN dependency_set s ON s.id = b.dependency_set_id
		WHERE b.id = $1`, buildID).Scan(&content)
	if err != nil {
		return nil, err
	}
	return st.sets.Decode(content)
}

// codeChanges is koschei.DiffDependencies of stored sets, in ids.
func codeChanges(ctx context.Context, tx pgx.Tx, before, after depset.Set) (schema.CodedChanges, error) {
	coded := schema.CodedChanges{Prev: []int32{}, Curr: []int32{}, Distance: []int16{}}
	gone, come := depset.Diff(before, after)
	prev, err := schema.Dependencies(ctx, tx, gone)
	if err != nil {
		return coded, err
	}
	curr, err := schema.Dependencies(ctx, tx, come)
	if err != nil {
		return coded, err
	}
	ids, err := idsOf(ctx, tx, prev, curr)
	if err != nil {
		return coded, err
	}
	for _, change := range koschei.DiffDependencies(prev, curr) {
		coded.Prev = append(coded.Prev, IDOf(ids, change.Prev))
		coded.Curr = append(coded.Curr, IDOf(ids, change.Curr))
		coded.Distance = append(coded.Distance, int16(change.Distance))
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

// IDOf is the id of a package, 0 for none.
func IDOf(ids map[rpm.NEVRA]int32, n *rpm.NEVRA) int32 {
	if n == nil {
		return 0
	}
	return ids[*n]
}
