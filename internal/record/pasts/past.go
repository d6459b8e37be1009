package pasts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A TakenPast is what became of a package in another record.
type TakenPast struct {
	Package     string
	Builds      []TakenBuild // the one that was written down first before others
	Transitions []TakenTransition
	Resolution  koschei.Resolution
}

// A TakenBuild is a build of another record.
type TakenBuild struct {
	koschei.Build // without ids and references of this record
	Tasks         []koschei.Task

	Set     []koschei.Dependency // of a build whose Deps are pending: its whole buildroot, if that is known
	Before  *TakenKey            // the build that Changes are counted from; nil if it was compared with none
	Changes []koschei.Change
}

// A TakenTransition is a change of installability in another record, which has
// no ids of repos.
type TakenTransition struct {
	Event    int64
	Resolved bool
	Problems []string
	Changed  time.Time
}

// A TakenKey names a build in any record.
type TakenKey struct {
	Package string
	Origin  koschei.Origin
	TaskID  int64
}

// Known is what is known here of some packages already.
type Known struct {
	Builds      map[TakenKey]bool
	Transitions map[string]map[int64]bool // by package and when it came, in microseconds since 1970
	Resolved    map[string]bool           // packages whose dependencies were resolved here
}

// KnownPast returns what is known of packages of a collection already.
func (ps *Pasts) KnownPast(ctx context.Context, collectionID int64, names []string) (Known, error) {
	known := Known{Builds: map[TakenKey]bool{}, Transitions: map[string]map[int64]bool{}, Resolved: map[string]bool{}}
	err := ps.db.Read(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT p.name, b.origin, b.task_id
			FROM build b
			JOIN package p ON p.id = b.package_id
			WHERE p.collection_id = $1 AND p.name = ANY($2) AND b.task_id IS NOT NULL`, collectionID, names)
		if err != nil {
			return err
		}
		var key TakenKey
		_, err = pgx.ForEachRow(rows, []any{&key.Package, &key.Origin, &key.TaskID}, func() error {
			known.Builds[key] = true
			return nil
		})
		if err != nil {
			return err
		}
		return readKnownTransitions(ctx, tx, collectionID, names, &known)
	})
	if err != nil {
		return Known{}, fmt.Errorf("reading what is known already: %w", err)
	}
	return known, nil
}

func readKnownTransitions(ctx context.Context, tx pgx.Tx, collectionID int64, names []string, known *Known) error {
	rows, err := tx.Query(ctx, `
		SELECT p.name, `+resolvedHere+`, r.changed
		FROM package p
		LEFT JOIN resolution_change r ON r.package_id = p.id
		WHERE p.collection_id = $1 AND p.name = ANY($2)`, collectionID, names)
	if err != nil {
		return err
	}
	var name string
	var here bool
	var changed *time.Time
	_, err = pgx.ForEachRow(rows, []any{&name, &here, &changed}, func() error {
		if known.Transitions[name] == nil {
			known.Resolved[name], known.Transitions[name] = here, map[int64]bool{}
		}
		if changed != nil {
			known.Transitions[name][changed.UnixMicro()] = true
		}
		return nil
	})
	return err
}

// resolvedHere tells of a package (of alias p) whether it was resolved by the
// services of this record: what these found out is newer and stands.
const resolvedHere = `(p.resolved_build_id IS NOT NULL
	OR EXISTS (SELECT FROM resolution_change own WHERE own.package_id = p.id AND own.repo_id <> 0))`

// Taken is what was new.
type Taken struct {
	Builds, Transitions int
	// Left are builds that could not be stored: another one of the package is
	// under way, or Koji's build is stored under another task.
	Left []TakenKey
}

// TakePasts stores what became of packages in another record, all of it or
// nothing, and leaves alone what is there already: doing it again changes
// nothing. Nobody is told of the states that follow, for nothing happened in
// the world. NEVRAs are as for Intern: an error may wrap koschei.ErrConflict.
func (ps *Pasts) TakePasts(ctx context.Context, collectionID int64, pasts []TakenPast) (taken Taken, err error) {
	ids, err := ps.internTaken(ctx, pasts)
	if err != nil {
		return Taken{}, err
	}
	err = ps.db.Transact(ctx, func(tx pgx.Tx) error {
		taken, err = ps.takePasts(ctx, tx, collectionID, pasts, ids)
		return err
	})
	if err != nil {
		return Taken{}, fmt.Errorf("storing builds of %d packages: %w", len(pasts), err)
	}
	return taken, nil
}

// internTaken returns the ids of all NEVRAs that are needed.
func (ps *Pasts) internTaken(ctx context.Context, pasts []TakenPast) (map[rpm.NEVRA]int32, error) {
	ids := map[rpm.NEVRA]int32{}
	var nevras []rpm.NEVRA
	want := func(n *rpm.NEVRA) {
		if n == nil {
			return
		}
		if _, met := ids[*n]; !met {
			ids[*n] = 0
			nevras = append(nevras, *n)
		}
	}
	for i := range pasts {
		for _, b := range pasts[i].Builds {
			for j := range b.Set {
				want(&b.Set[j].NEVRA)
			}
			for _, c := range b.Changes {
				want(c.Prev)
				want(c.Curr)
			}
		}
	}
	interned, err := ps.sets.Intern(ctx, nevras)
	for i, id := range interned {
		ids[nevras[i]] = id
	}
	return ids, err
}

func (ps *Pasts) takePasts(ctx context.Context, tx pgx.Tx, collectionID int64, pasts []TakenPast, ids map[rpm.NEVRA]int32) (Taken, error) {
	var taken Taken
	if err := built.LockInterned(ctx, tx); err != nil {
		return taken, err
	}
	if err := ps.sets.CheckInterned(ctx, tx, maps.Values(ids)); err != nil {
		return taken, err
	}
	packages, err := lockTaken(ctx, tx, collectionID, pasts)
	if err != nil {
		return taken, err
	}
	builds, left, err := insertTaken(ctx, tx, packages, pasts)
	if err != nil {
		return taken, err
	}
	taken.Builds, taken.Left = len(builds), left
	if err := ps.storeTakenSets(ctx, tx, builds, ids); err != nil {
		return taken, err
	}
	if err := storeTakenChanges(ctx, tx, builds, ids); err != nil {
		return taken, err
	}
	if taken.Transitions, err = insertTakenTransitions(ctx, tx, packages, pasts); err != nil {
		return taken, err
	}
	if taken.Builds > 0 {
		if err := settle.WakeFor(ctx, tx, slices.Collect(maps.Values(packages)), koschei.ServiceBuildResolver, koschei.ServiceRepoResolver); err != nil {
			return taken, err
		}
	}
	return taken, settleTaken(ctx, tx, packages, pasts)
}

// lockTaken locks the packages and returns their ids by name.
func lockTaken(ctx context.Context, tx pgx.Tx, collectionID int64, pasts []TakenPast) (map[string]int64, error) {
	names := make([]string, len(pasts))
	for i := range pasts {
		names[i] = pasts[i].Package
	}
	rows, err := tx.Query(ctx, `
		SELECT id, name
		FROM package
		WHERE collection_id = $1 AND name = ANY($2)
		ORDER BY id
		FOR NO KEY UPDATE`, collectionID, names)
	if err != nil {
		return nil, err
	}
	packages := make(map[string]int64, len(pasts))
	var id int64
	var name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		packages[name] = id
		return nil
	})
	return packages, err
}

// insertTaken returns the builds that were new, by their ids here, and those
// that there is no place for. A build that branching had copied in the other
// record comes second and is a copy here too.
func insertTaken(ctx context.Context, tx pgx.Tx, packages map[string]int64, pasts []TakenPast) (
	added map[int64]*TakenBuild, left []TakenKey, err error,
) {
	var rows, tasks pgx.Batch
	added = map[int64]*TakenBuild{}
	for i := range pasts {
		for j := range pasts[i].Builds {
			b := &pasts[i].Builds[j]
			rows.Queue(`
				INSERT INTO build (package_id, copied_from, origin, outcome, untagged, event, hub, task_id, koji_build_id,
					epoch, version, release, repo_id, started, finished, cancel_requested, deps)
				SELECT p.id, o.id, @origin, @outcome, @untagged, @event, @hub, @task, nullif(@koji_build::bigint, 0), @epoch, @version, @release, nullif(@repo::bigint, 0), @started, @finished, @cancel_requested, @deps
				FROM package p
				LEFT JOIN build o ON @origin = 'scratch' AND o.origin = 'scratch' AND o.hub = @hub AND o.task_id = @task
					AND o.copied_from IS NULL AND o.package_id <> p.id
				WHERE p.id = @package
					AND NOT EXISTS (SELECT FROM build b WHERE b.package_id = p.id AND b.origin = @origin AND b.hub = @hub AND b.task_id = @task)
				ON CONFLICT DO NOTHING
				RETURNING id`,
				pgx.NamedArgs{
					"package": packages[pasts[i].Package], "origin": b.Origin, "outcome": b.Outcome, "untagged": b.Untagged,
					"event": b.Event, "hub": b.Hub, "task": b.TaskID, "koji_build": b.KojiBuildID, "epoch": b.EVR.Epoch,
					"version": b.EVR.Version, "release": b.EVR.Release, "repo": b.RepoID, "started": b.Started,
					"finished": postgres.OrNull(b.Finished), "cancel_requested": b.CancelRequested, "deps": b.Deps,
				},
			).Query(func(r pgx.Rows) error {
				ids, err := postgres.CollectIDs(r, nil)
				if len(ids) == 0 {
					left = append(left, TakenKey{Package: pasts[i].Package, Origin: b.Origin, TaskID: b.TaskID})
				}
				for _, id := range ids {
					added[id] = b
					settle.QueueTasks(&tasks, id, b.Tasks)
				}
				return err
			})
		}
	}
	if err := tx.SendBatch(ctx, &rows).Close(); err != nil {
		return nil, nil, err
	}
	return added, left, tx.SendBatch(ctx, &tasks).Close()
}

func (ps *Pasts) storeTakenSets(ctx context.Context, tx pgx.Tx, builds map[int64]*TakenBuild, ids map[rpm.NEVRA]int32) error {
	var known []built.BuildDependencies
	for id, b := range builds {
		if len(b.Set) == 0 {
			continue
		}
		members := make([]depset.Member, len(b.Set))
		for i, d := range b.Set {
			members[i] = depset.Member{ID: ids[d.NEVRA], Distance: uint8(d.Distance)}
		}
		known = append(known, built.BuildDependencies{BuildID: id, Set: depset.NewSet(members)})
	}
	if len(known) == 0 {
		return nil
	}
	_, err := ps.sets.SaveBuildDependencies(ctx, tx, known)
	return err
}

// storeTakenChanges stores what had changed according to the other record,
// which compared builds of which it did not keep the whole.
func storeTakenChanges(ctx context.Context, tx pgx.Tx, builds map[int64]*TakenBuild, ids map[rpm.NEVRA]int32) error {
	var batch pgx.Batch
	for id, b := range builds {
		if b.Before == nil && len(b.Changes) == 0 {
			continue
		}
		coded := schema.CodedChanges{Prev: []int32{}, Curr: []int32{}, Distance: []int16{}}
		for _, c := range b.Changes {
			coded.Prev = append(coded.Prev, built.IDOf(ids, c.Prev))
			coded.Curr = append(coded.Curr, built.IDOf(ids, c.Curr))
			coded.Distance = append(coded.Distance, int16(c.Distance))
		}
		before := TakenKey{}
		if b.Before != nil {
			before = *b.Before
		}
		batch.Queue(`
			INSERT INTO applied_change (build_id, prev_build_id, prev, curr, distance)
			SELECT b.id, coalesce((
				SELECT min(o.id)
				FROM build o
				WHERE o.package_id = b.package_id AND o.origin = @origin AND o.task_id = @task AND o.id <> b.id), 0), @prev, @curr, @distance
			FROM build b
			WHERE b.id = @build
			ON CONFLICT (build_id) DO NOTHING`, pgx.NamedArgs{
			"build": id, "origin": before.Origin, "task": before.TaskID, "prev": coded.Prev, "curr": coded.Curr,
			"distance": coded.Distance,
		})
	}
	return tx.SendBatch(ctx, &batch).Close()
}

// insertTakenTransitions stores the transitions of packages that were not
// resolved here: in the order of these rows a package's newest is the last.
func insertTakenTransitions(ctx context.Context, tx pgx.Tx, packages map[string]int64, pasts []TakenPast) (int, error) {
	var batch pgx.Batch
	taken := 0
	for i := range pasts {
		for _, t := range pasts[i].Transitions {
			batch.Queue(`
				INSERT INTO resolution_change (package_id, repo_id, event, resolved, problems, changed)
				SELECT p.id, 0, $2, $3, coalesce($4::text[], '{}'), $5
				FROM package p
				WHERE p.id = $1 AND NOT `+resolvedHere+`
					AND NOT EXISTS (SELECT FROM resolution_change r WHERE r.package_id = p.id AND r.changed = $5)`,
				packages[pasts[i].Package], t.Event, t.Resolved, t.Problems, t.Changed,
			).Exec(func(tag pgconn.CommandTag) error {
				taken += int(tag.RowsAffected())
				return nil
			})
		}
	}
	return taken, tx.SendBatch(ctx, &batch).Close()
}

// settleTaken makes the packages follow from what was taken over.
func settleTaken(ctx context.Context, tx pgx.Tx, packages map[string]int64, pasts []TakenPast) error {
	var ids []int64
	var resolutions []string
	for i := range pasts {
		if id := packages[pasts[i].Package]; id != 0 {
			ids, resolutions = append(ids, id), append(resolutions, string(pasts[i].Resolution))
		}
	}
	_, err := tx.Exec(ctx, `
		UPDATE package p
		SET resolution = t.resolution
		FROM unnest($1::bigint[], $2::text[]) AS t (id, resolution)
		WHERE p.id = t.id AND NOT p.skip_resolution AND p.resolution <> t.resolution AND NOT `+resolvedHere, ids, resolutions)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO resolution (package_id, collection_id, repo_id, problems)
		SELECT DISTINCT ON (r.package_id) r.package_id, p.collection_id, 0, r.problems
		FROM resolution_change r
		JOIN package p ON p.id = r.package_id
		WHERE p.id = ANY($1) AND p.resolution = 'unresolved' AND NOT r.resolved AND NOT `+resolvedHere+`
		ORDER BY r.package_id, r.id DESC
		ON CONFLICT (package_id) DO UPDATE
		SET problems = excluded.problems`, ids)
	if err != nil {
		return err
	}
	if err := settle.RefreshLastBuilds(ctx, tx, ids); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		UPDATE package
		SET noted_state = state, state_since = NULL
		WHERE id = ANY($1) AND noted_state <> state`, ids)
	return err
}
