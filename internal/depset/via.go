package depset

import "slices"

// MaxVia is how many packages of a chain are kept.
const MaxVia = 4

// A Via says how changed packages came into a buildroot: by the id of the package
// the ids of those that lead to it, from what is asked for on. It has no entry for
// a package of which that is not known.
type Via map[int32][]int32

// unknownVia stands for a chain that is not known, which is another thing than an
// empty one.
const unknownVia = -1

// EncodeVia returns the chains of changed packages as they are stored, in the order
// of the packages: places in the set, from 1 on, and a 0 behind each chain. It is
// nil if none is known.
func (s Set) EncodeVia(changed []int32, via Via) []int16 {
	if len(via) == 0 {
		return nil
	}
	coded := []int16{}
	for _, id := range changed {
		chain, known := via[id]
		start := len(coded)
		for _, link := range chain {
			place, found := s.place(link)
			known = known && found
			coded = append(coded, place)
		}
		if !known {
			coded = append(coded[:start], unknownVia)
		}
		coded = append(coded, 0)
	}
	return coded
}

// place is where a package is in the set, from 1 on.
func (s Set) place(id int32) (int16, bool) {
	i, found := slices.BinarySearchFunc(s, id, func(m Member, id int32) int { return int(m.ID) - int(id) })
	const most = 1<<15 - 1
	return int16(min(i+1, most)), found && i < most //nolint:gosec // it is no more than most
}

// DecodeVia is the reverse of EncodeVia. What is not as EncodeVia makes it is not
// known.
func (s Set) DecodeVia(changed []int32, coded []int16) Via {
	via := Via{}
	for _, id := range changed {
		end := slices.Index(coded, 0)
		if end < 0 {
			return via
		}
		chain, known := make([]int32, 0, end), true
		for _, place := range coded[:end] {
			if place < 1 || int(place) > len(s) {
				known = false
				break
			}
			chain = append(chain, s[place-1].ID)
		}
		if known {
			via[id] = chain
		}
		coded = coded[end+1:]
	}
	return via
}
