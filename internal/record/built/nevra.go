package built

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Intern returns the ids of NEVRAs, in their order, giving one to each that
// has none. Any number of processes may intern the same ones at once.
//
// An id that is not used in a stored set or change may be collected by Cleanup
// at any time: a method that stores it then fails with koschei.ErrConflict, and
// the NEVRA must be interned again.
func (st *Store) Intern(ctx context.Context, nevras []rpm.NEVRA) ([]int32, error) {
	return st.InternFrom(ctx, nevras, nil)
}

// InternFrom is Intern, and stores what the packages were made from where that is
// not known yet. Sources are in the order of nevras, or nil.
func (st *Store) InternFrom(ctx context.Context, nevras []rpm.NEVRA, sources []depset.Source) ([]int32, error) {
	ids := make([]int32, len(nevras))
	err := st.db.Transact(ctx, func(tx pgx.Tx) error {
		clear(ids)
		return intern(ctx, tx, nevras, sources, ids)
	})
	if err != nil {
		return nil, fmt.Errorf("interning %d packages: %w", len(nevras), err)
	}
	return ids, nil
}

// intern fills in ids. What is there already costs no new id: the sequence
// must last for as long as there are new packages, not new repos.
func intern(ctx context.Context, tx pgx.Tx, nevras []rpm.NEVRA, sources []depset.Source, ids []int32) error {
	missing := make([]int, len(nevras))
	for i := range missing {
		missing[i] = i
	}
	missing, err := findNEVRAs(ctx, tx, nevras, ids, missing)
	if err != nil {
		return err
	}
	if err := noteSources(ctx, tx, sources, ids); err != nil || len(missing) == 0 {
		return err
	}
	c := columnsOf(nevras, missing)
	from, versions := make([]string, len(missing)), make([]string, len(missing))
	if sources != nil {
		for n, i := range missing {
			from[n], versions[n] = sources[i].Name, sources[i].Version
		}
	}
	// In one order, so that two who intern the same wait at most one way.
	_, err = tx.Exec(ctx, `
		INSERT INTO nevra (name, epoch, version, release, arch, source, source_version)
		SELECT DISTINCT ON (name, epoch, version, release, arch) name, epoch, version, release, arch, source, source_version
		FROM unnest(@names::text[], @epochs::bigint[], @versions::text[], @releases::text[], @arches::text[], @sources::text[], @source_versions::text[])
			AS n (name, epoch, version, release, arch, source, source_version)
		ORDER BY name, epoch, version, release, arch
		ON CONFLICT (name, epoch, version, release, arch) DO NOTHING`,
		pgx.NamedArgs{
			"names": c.names, "epochs": c.epochs, "versions": c.versions, "releases": c.releases, "arches": c.arches,
			"sources": from, "source_versions": versions,
		})
	if err != nil {
		return err
	}
	if missing, err = findNEVRAs(ctx, tx, nevras, ids, missing); err == nil && len(missing) > 0 {
		panic("cannot happen: an interned package is not there")
	}
	return err
}

// noteSources stores the sources of packages of which they are not known: they were
// interned by a program that did not tell. Ids are 0 where a package is not stored.
func noteSources(ctx context.Context, tx pgx.Tx, sources []depset.Source, ids []int32) error {
	if sources == nil {
		return nil
	}
	var stored []int32
	var names, versions []string
	for i, id := range ids {
		if id != 0 && sources[i].Name != "" {
			stored, names, versions = append(stored, id), append(names, sources[i].Name), append(versions, sources[i].Version)
		}
	}
	if len(stored) == 0 {
		return nil
	}
	// In one order, as above.
	_, err := tx.Exec(ctx, `
		WITH unknown AS (
			SELECT n.id
			FROM nevra n
			WHERE n.id = ANY($1) AND n.source = ''
			ORDER BY n.id
			FOR NO KEY UPDATE
		)
		UPDATE nevra n
		SET source = s.name, source_version = s.version
		FROM unknown
		JOIN unnest($1::integer[], $2::text[], $3::text[]) AS s (id, name, version) ON s.id = unknown.id
		WHERE n.id = unknown.id`, stored, names, versions)
	return err
}

// findNEVRAs fills in the ids of those of the nevras at the given places that
// have one, and returns the places of the others.
func findNEVRAs(ctx context.Context, tx pgx.Tx, nevras []rpm.NEVRA, ids []int32, places []int) ([]int, error) {
	c := columnsOf(nevras, places)
	rows, err := tx.Query(ctx, `
		SELECT w.n, nevra.id
		FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
			AS w (name, epoch, version, release, arch, n)
		JOIN nevra USING (name, epoch, version, release, arch)`, c.names, c.epochs, c.versions, c.releases, c.arches)
	if err != nil {
		return nil, err
	}
	var n int
	var id int32
	_, err = pgx.ForEachRow(rows, []any{&n, &id}, func() error {
		ids[places[n-1]] = id
		return nil
	})
	return slices.DeleteFunc(places, func(i int) bool { return ids[i] != 0 }), err
}

type nevraColumns struct {
	names, versions, releases, arches []string
	epochs                            []int64
}

func columnsOf(nevras []rpm.NEVRA, places []int) nevraColumns {
	var c nevraColumns
	for _, i := range places {
		n := nevras[i]
		c.names = append(c.names, n.Name)
		c.epochs = append(c.epochs, int64(n.Epoch))
		c.versions = append(c.versions, n.Version)
		c.releases = append(c.releases, n.Release)
		c.arches = append(c.arches, n.Arch)
	}
	return c
}

// NEVRAs returns the packages that ids stand for.
func (st *Store) NEVRAs(ctx context.Context, ids []int32) (nevras map[int32]*rpm.NEVRA, err error) {
	err = st.db.Read(ctx, func(tx pgx.Tx) error {
		nevras, err = schema.NEVRAsByID(ctx, tx, ids)
		return err
	})
	return nevras, err
}

// Collecting is the advisory lock between those who store sets and changes,
// which share it, and Cleanup, which has it alone while it collects.
const Collecting = 0x6b6f736367 // "koscg"

// "koscg"

// LockInterned keeps Cleanup from collecting what tx finds stored, until tx ends.
func LockInterned(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock_shared($1)`, int64(Collecting))
	return err
}

// interned are ids that were found stored, so that not every set that is written
// down has all of its members looked for again. They were found while nothing
// had been collected since generation, and count for nothing in another one.
type interned struct {
	mu         sync.Mutex
	generation int64
	found      schema.IDBits
}

// missing returns those of the ids, each once, that are not known to be stored.
func (n *interned) missing(generation int64, among iter.Seq[int32]) []int32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.generation != generation {
		n.generation, n.found = generation, schema.IDBits{}
	}
	var ids []int32
	asked := schema.IDBits{}
	for id := range among {
		if !n.found.Has(id) && !asked.Has(id) {
			asked.Add(id)
			ids = append(ids, id)
		}
	}
	return ids
}

// Add notes ids that were found stored.
func (n *interned) add(generation int64, ids []int32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.generation != generation {
		return
	}
	for _, id := range ids {
		n.found.Add(id)
	}
}

// MembersOf are the ids of the members of sets.
func MembersOf(sets []depset.Set) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for _, s := range sets {
			for _, m := range s {
				if !yield(m.ID) {
					return
				}
			}
		}
	}
}

// CheckInterned reports, as koschei.ErrConflict, ids that were collected since
// they were interned. The transaction must hold LockInterned, and have
// interned none of them itself: what it wrote may come to nothing.
func (st *Store) CheckInterned(ctx context.Context, tx pgx.Tx, among iter.Seq[int32]) error {
	var generation int64
	if err := tx.QueryRow(ctx, `SELECT last_value FROM nevra_collected`).Scan(&generation); err != nil {
		return fmt.Errorf("checking interned packages: %w", err)
	}
	ids := st.interned.missing(generation, among)
	if len(ids) == 0 {
		return nil
	}
	var there int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM nevra WHERE id = ANY($1)`, ids).Scan(&there); err != nil {
		return fmt.Errorf("checking interned packages: %w", err)
	}
	if there != len(ids) {
		return fmt.Errorf("%d of %d packages are not interned any more: %w", len(ids)-there, len(ids), koschei.ErrConflict)
	}
	st.interned.add(generation, ids)
	return nil
}
