package depsolve

import "math/bits"

// A bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int32)   { b[i>>6] |= 1 << (i & 63) }
func (b bitset) clear(i int32) { b[i>>6] &^= 1 << (i & 63) }

// next returns the lowest member from i to below end, or end.
func (b bitset) next(i, end int32) int32 {
	for i < end {
		if word := b[i>>6] >> (i & 63); word != 0 {
			return min(i+int32(bits.TrailingZeros64(word)), end)
		}
		i = (i | 63) + 1
	}
	return end
}
