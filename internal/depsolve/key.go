package depsolve

import (
	"encoding/binary"
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// AppendKey appends what tells a goal's BuildRequires from others in the
// universe: goals with the same Group and the same key have the same answer
// and the same distances, unless Learned says otherwise. Many goals that are
// written differently have one key, as "debhelper-compat = 13" and
// "debhelper >= 12" have in Debian. Why such goals fail is told in different
// words.
func (s *Solver) AppendKey(key []byte, requires []rpm.Relation) []byte {
	only := s.only[:0]
	for _, relation := range requires {
		ids := s.keyProviders(relation)
		switch len(ids) {
		case 0:
			key = relation.AppendKey(append(key, keyRelation))
		case 1:
			only = append(only, ids[0])
		default:
			key = appendIDs(append(key, keyChoice), ids)
		}
	}
	slices.Sort(only)
	s.only = slices.Compact(only)
	return appendIDs(append(key, keyOnly), s.only)
}

// The parts of a key.
const (
	keyRelation byte = iota // a relation as it is
	keyChoice               // several packages provide a relation; the order of choices counts
	keyOnly                 // those that are the only ones to provide a relation; their order does not
)

// keyProviders is who provides a relation, if that is all there is to know
// about it. Where weak dependencies are followed the order of relations counts.
func (s *Solver) keyProviders(r rpm.Relation) []ID {
	if s.weak || r.Boolean() && r.Op == 0 {
		return nil
	}
	s.keyed.resetTo(0)
	ids, _ := s.u.relationProviders(&s.keyed, r)
	return ids
}

func appendIDs(key []byte, ids []ID) []byte {
	key = binary.LittleEndian.AppendUint32(key, uint32(len(ids)))
	for _, id := range ids {
		key = binary.LittleEndian.AppendUint32(key, uint32(id))
	}
	return key
}

// Learned reports whether the goal last solved took the solver that learns from
// conflicts. Its answer depends on the order of the BuildRequires, which
// AppendKey does not keep.
func (s *Solver) Learned() bool { return s.learned }
