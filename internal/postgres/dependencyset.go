package postgres

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Member is one package of a dependency set: the id that its NEVRA was
// interned under, and its distance (koschei.NoDistance, or 1 to 4).
type Member struct {
	ID       int32
	Distance uint8
}

// A Set is a dependency set as it is stored: sorted by id, each id once. Two
// sets are compared without a look at the database.
type Set []Member

// NewSet sorts members into a Set. It takes over the slice. A package that is
// given twice is there once, at the nearer of its distances.
func NewSet(members []Member) Set {
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Distance-1, b.Distance-1))
	})
	return slices.CompactFunc(members, func(a, b Member) bool { return a.ID == b.ID })
}

// Diff returns the members that only prev and only curr have. A change of
// distance alone is none.
func Diff(prev, curr Set) (gone, come Set) {
	for len(prev) > 0 && len(curr) > 0 {
		switch cmp.Compare(prev[0].ID, curr[0].ID) {
		case -1:
			gone, prev = append(gone, prev[0]), prev[1:]
		case 1:
			come, curr = append(come, curr[0]), curr[1:]
		default:
			prev, curr = prev[1:], curr[1:]
		}
	}
	return append(gone, prev...), append(come, curr...)
}

// Hash is the set's address: equal for equal sets, distances included.
func (s Set) Hash() [sha256.Size]byte {
	var h Hasher
	return h.Hash(s)
}

// A Hasher hashes one set after the other in the same memory.
type Hasher struct{ plain []byte }

// Hash is s.Hash.
func (h *Hasher) Hash(s Set) [sha256.Size]byte {
	h.plain = s.appendTo(h.plain[:0])
	return sha256.Sum256(h.plain)
}

// InputIdentity is equal for builds that had the same source and the same
// packages installed, within one database. Distances are no input.
func (s Set) InputIdentity(source rpm.NEVRA) []byte {
	h := sha256.New()
	h.Write([]byte(source.Long() + "\n"))
	var id [4]byte
	for _, m := range s {
		binary.BigEndian.PutUint32(id[:], uint32(m.ID))
		h.Write(id[:])
	}
	return h.Sum(nil)
}

// distanceBits of each number are the distance, the rest is how far its id is
// from the one before.
const distanceBits = 3

// appendTo appends the set's plain form: a varint for each member.
func (s Set) appendTo(dst []byte) []byte {
	last := int32(0)
	for _, m := range s {
		dst = binary.AppendUvarint(dst, uint64(m.ID-last)<<distanceBits|uint64(m.Distance))
		last = m.ID
	}
	return dst
}

// A setCodec compresses sets. It is safe for concurrent use.
type setCodec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newSetCodec() *setCodec {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(8<<10), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
	if err != nil {
		panic("cannot happen: " + err.Error())
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(16<<20))
	if err != nil {
		panic("cannot happen: " + err.Error())
	}
	return &setCodec{encoder: encoder, decoder: decoder}
}

func (c *setCodec) encode(s Set) []byte {
	return c.encoder.EncodeAll(s.appendTo(nil), nil)
}

var errBadSet = errors.New("stored dependency set is damaged")

func (c *setCodec) decode(content []byte) (Set, error) {
	plain, err := c.decoder.DecodeAll(content, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadSet, err)
	}
	s := make(Set, 0, len(plain)/2)
	last := uint64(0)
	for len(plain) > 0 {
		v, n := binary.Uvarint(plain)
		last += v >> distanceBits
		distance := v & (1<<distanceBits - 1)
		if n <= 0 || last > math.MaxInt32 || distance >= uint64(len(koschei.Distances{})) {
			return nil, errBadSet
		}
		s = append(s, Member{ID: int32(last), Distance: uint8(distance)})
		plain = plain[n:]
	}
	return s, nil
}

// A SetContent is a set as it is stored, some bytes for a package.
type SetContent []byte

// Sets returns stored dependency sets by their ids, decoding each once.
func (db *DB) Sets(ctx context.Context, ids []int64) (map[int64]Set, error) {
	return db.loadSets(ctx, db.pool, ids)
}

// SetContents is Sets for DecodeSets.
func (db *DB) SetContents(ctx context.Context, ids []int64) (map[int64]SetContent, error) {
	return loadSetContents(ctx, db.pool, ids)
}

// DecodeSets returns sets by their ids.
func (db *DB) DecodeSets(contents map[int64]SetContent) (map[int64]Set, error) {
	sets := make(map[int64]Set, len(contents))
	for id, content := range contents {
		set, err := db.sets.decode(content)
		if err != nil {
			return nil, fmt.Errorf("reading dependency set %d: %w", id, err)
		}
		sets[id] = set
	}
	return sets, nil
}

func (db *DB) loadSets(ctx context.Context, q querier, ids []int64) (map[int64]Set, error) {
	contents, err := loadSetContents(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	return db.DecodeSets(contents)
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
		sets, err := db.loadSets(ctx, tx, []int64{setID})
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
func dependencies(ctx context.Context, tx pgx.Tx, set Set) ([]koschei.Dependency, error) {
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
			return nil, fmt.Errorf("%w: no package has the id %d", errBadSet, m.ID)
		}
		deps[i] = koschei.Dependency{NEVRA: *nevra, Distance: int(m.Distance)}
	}
	slices.SortFunc(deps, koschei.CompareDependencies)
	return deps, nil
}

// storeSets stores those of the sets that are not stored yet and returns their
// ids, in the order of sets. The transaction must hold lockInterned.
func (db *DB) storeSets(ctx context.Context, tx pgx.Tx, sets []Set) ([]int64, error) {
	if err := db.checkInterned(ctx, tx, sets); err != nil {
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
func (db *DB) insertSets(ctx context.Context, tx pgx.Tx, sets []Set, hashes [][]byte, known map[string]int64) error {
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
		contents = append(contents, db.sets.encode(sets[i]))
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
