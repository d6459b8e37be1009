package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
)

// A SetContent is a set as it is stored, some bytes for a package.
type SetContent []byte

// Sets returns stored dependency sets by their ids, decoding each once.
func (db *DB) Sets(ctx context.Context, ids []int64) (map[int64]depset.Set, error) {
	return loadSets(ctx, db.pool, db.sets, ids)
}

// SetContents is Sets for DecodeSets.
func (db *DB) SetContents(ctx context.Context, ids []int64) (map[int64]SetContent, error) {
	return loadSetContents(ctx, db.pool, ids)
}

// DecodeSets returns sets by their ids.
func (db *DB) DecodeSets(contents map[int64]SetContent) (map[int64]depset.Set, error) {
	return decodeSets(db.sets, contents)
}

func decodeSets(codec *depset.Codec, contents map[int64]SetContent) (map[int64]depset.Set, error) {
	sets := make(map[int64]depset.Set, len(contents))
	for id, content := range contents {
		set, err := codec.Decode(content)
		if err != nil {
			return nil, fmt.Errorf("reading dependency set %d: %w", id, err)
		}
		sets[id] = set
	}
	return sets, nil
}

// loadSets reads stored dependency sets by their ids.
func loadSets(ctx context.Context, q querier, codec *depset.Codec, ids []int64) (map[int64]depset.Set, error) {
	contents, err := loadSetContents(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	return decodeSets(codec, contents)
}

func loadSetContents(ctx context.Context, q querier, ids []int64) (map[int64]SetContent, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := q.Query(ctx, `SELECT id, content FROM dependency_set WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("reading dependency sets: %w", err)
	}
	contents := make(map[int64]SetContent, len(ids))
	var id int64
	var content SetContent
	_, err = pgx.ForEachRow(rows, []any{&id, (*[]byte)(&content)}, func() error {
		contents[id], content = content, nil
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading dependency sets: %w", err)
	}
	return contents, nil
}

// Dependencies returns a stored set in full, as koschei.DiffDependencies wants
// it, or koschei.ErrNotFound.
func (db *DB) Dependencies(ctx context.Context, setID int64) (deps []koschei.Dependency, err error) {
	err = db.read(ctx, func(tx pgx.Tx) error {
		sets, err := loadSets(ctx, tx, db.sets, []int64{setID})
		if err != nil {
			return err
		}
		set, ok := sets[setID]
		if !ok {
			return fmt.Errorf("dependency set %d: %w", setID, koschei.ErrNotFound)
		}
		deps, err = dependencies(ctx, tx, set)
		return err
	})
	return deps, err
}

// dependencies looks up what the members of a set are.
func dependencies(ctx context.Context, tx pgx.Tx, set depset.Set) ([]koschei.Dependency, error) {
	ids := make([]int32, len(set))
	for i, m := range set {
		ids[i] = m.ID
	}
	names, err := nevrasByID(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	deps := make([]koschei.Dependency, len(set))
	for i, m := range set {
		nevra, ok := names[m.ID]
		if !ok {
			return nil, fmt.Errorf("%w: no package has the id %d", depset.ErrDamaged, m.ID)
		}
		deps[i] = koschei.Dependency{NEVRA: *nevra, Distance: int(m.Distance)}
	}
	slices.SortFunc(deps, koschei.CompareDependencies)
	return deps, nil
}

// storeSets stores those of the sets that are not stored yet and returns their
// ids, in the order of sets. The transaction must hold lockInterned.
func (db *DB) storeSets(ctx context.Context, tx pgx.Tx, sets []depset.Set) ([]int64, error) {
	if err := db.checkInterned(ctx, tx, membersOf(sets)); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(sets))
	for i, s := range sets {
		hash := s.Hash()
		hashes[i] = hash[:]
	}
	known, err := findSets(ctx, tx, hashes)
	if err != nil {
		return nil, err
	}
	if err := db.insertSets(ctx, tx, sets, hashes, known); err != nil {
		return nil, err
	}
	if known, err = findSets(ctx, tx, hashes); err != nil {
		return nil, err
	}
	ids := make([]int64, len(sets))
	for i, hash := range hashes {
		if ids[i] = known[string(hash)]; ids[i] == 0 {
			panic("cannot happen: a stored set is not there")
		}
	}
	return ids, nil
}

func findSets(ctx context.Context, tx pgx.Tx, hashes [][]byte) (map[string]int64, error) {
	rows, err := tx.Query(ctx, `SELECT id, hash FROM dependency_set WHERE hash = ANY($1)`, hashes)
	if err != nil {
		return nil, fmt.Errorf("looking up dependency sets: %w", err)
	}
	known := map[string]int64{}
	var id int64
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &hash}, func() error {
		known[string(hash)] = id
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking up dependency sets: %w", err)
	}
	return known, nil
}

// insertSets stores the sets that are not known, ordered by hash so that two
// transactions that store the same ones wait for each other at most one way.
func (db *DB) insertSets(ctx context.Context, tx pgx.Tx, sets []depset.Set, hashes [][]byte, known map[string]int64) error {
	var fresh []int
	for i, hash := range hashes {
		if known[string(hash)] == 0 {
			fresh = append(fresh, i)
		}
	}
	slices.SortFunc(fresh, func(a, b int) int { return bytes.Compare(hashes[a], hashes[b]) })
	var newHashes, contents [][]byte
	var sizes []int32
	for _, i := range fresh {
		newHashes = append(newHashes, hashes[i])
		sizes = append(sizes, int32(len(sets[i])))
		contents = append(contents, db.sets.Encode(sets[i]))
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO dependency_set (hash, size, content)
		SELECT hash, size, content
		FROM unnest($1::bytea[], $2::integer[], $3::bytea[]) WITH ORDINALITY AS s (hash, size, content, n)
		ORDER BY n
		ON CONFLICT (hash) DO NOTHING`, newHashes, sizes, contents)
	if err != nil {
		return fmt.Errorf("storing dependency sets: %w", err)
	}
	return nil
}
