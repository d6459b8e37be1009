package depset

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

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
