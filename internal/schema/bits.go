package schema

// An IdBits is a set of ids, which are small and dense.
type IdBits struct{ words []uint64 }

func (b *IdBits) Add(id int32) {
	for int(id/64) >= len(b.words) {
		b.words = append(b.words, make([]uint64, 1+len(b.words))...)
	}
	b.words[id/64] |= 1 << (id % 64)
}

func (b *IdBits) Has(id int32) bool {
	return int(id/64) < len(b.words) && b.words[id/64]&(1<<(id%64)) != 0
}
