package schema

// An IDBits is a set of ids, which are small and dense.
type IDBits struct{ words []uint64 }

// Add puts an id into the set.
func (b *IDBits) Add(id int32) {
	for int(id/64) >= len(b.words) {
		b.words = append(b.words, make([]uint64, 1+len(b.words))...)
	}
	b.words[id/64] |= 1 << (id % 64)
}

// Has says whether an id is in the set.
func (b *IDBits) Has(id int32) bool {
	return int(id/64) < len(b.words) && b.words[id/64]&(1<<(id%64)) != 0
}
