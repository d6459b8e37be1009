package built

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/schema"
)

// SetContents returns stored dependency sets by their ids, for DecodeSets.
func (st *Store) SetContents(ctx context.Context, ids []int64) (map[int64]schema.SetContent, error) {
	return schema.LoadSetContents(ctx, st.db, ids)
}

// DecodeSets returns sets by their ids.
func (st *Store) DecodeSets(contents map[int64]schema.SetContent) (map[int64]depset.Set, error) {
	return schema.DecodeSets(st.sets, contents)
}

// storeSets stores those of the sets that are not stored yet and returns their
// ids, in the order of sets. The transaction must hold LockInterned.
func (st *Store) storeSets(ctx context.Context, tx pgx.Tx, sets []depset.Set) ([]int64, error) {
	if err := st.CheckInterned(ctx, tx, MembersOf(sets)); err != nil {
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
	if err := st.insertSets(ctx, tx, sets, hashes, known); err != nil {
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
func (st *Store) insertSets(ctx context.Context, tx pgx.Tx, sets []depset.Set, hashes [][]byte, known map[string]int64) error {
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
		contents = append(contents, st.sets.Encode(sets[i]))
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
