package depsolve

import "slices"

// An obsoleteFinder drops candidates that other candidates obsolete. Those that
// obsolete each other in a circle stay. It is Tarjan's algorithm for strongly
// connected components, one search for each candidate not yet reached.
type obsoleteFinder struct {
	u     *Universe
	ids   []ID
	low   []int // per candidate: 0 not reached, gone if obsoleted, else its component
	stack []int // by number of visit
	top   int
	first int // number of the visit that began the search
	next  int // number of the next visit
}

const gone = -1

// prune returns the candidates that stay, in their order.
func (f *obsoleteFinder) prune(u *Universe, ids []ID) []ID {
	obsoletes := false
	for _, id := range ids {
		obsoletes = obsoletes || len(u.rules.obsoletes.row(int32(id))) > 0
	}
	if !obsoletes {
		return ids
	}
	if len(ids) == 2 {
		return u.pruneObsoletedPair(ids)
	}
	f.u, f.ids = u, ids
	f.low = append(f.low[:0], make([]int, len(ids))...)
	f.stack = append(f.stack[:0], make([]int, len(ids)+1)...)
	f.next = 1
	for i := range ids {
		if f.low[i] == 0 {
			f.first, f.top = f.next, f.next
			f.visit(i)
		}
	}
	kept := ids[:0]
	for i, id := range ids {
		if f.low[i] != gone {
			kept = append(kept, id)
		}
	}
	return kept
}

func (u *Universe) pruneObsoletedPair(ids []ID) []ID {
	first := slices.Contains(u.rules.obsoletes.row(int32(ids[0])), ids[1])
	second := slices.Contains(u.rules.obsoletes.row(int32(ids[1])), ids[0])
	switch {
	case first == second:
		return ids
	case first:
		return ids[:1]
	}
	return ids[1:]
}

func (f *obsoleteFinder) visit(node int) {
	number := f.next
	f.next++
	f.low[node] = number
	bottom := f.top
	f.stack[bottom] = node
	f.top++
	for _, obsoleted := range f.u.rules.obsoletes.row(int32(f.ids[node])) {
		other := slices.Index(f.ids, obsoleted)
		if other < 0 || other == node {
			continue
		}
		if f.low[other] == 0 {
			f.visit(other)
		}
		switch low := f.low[other]; {
		case low == gone:
		case low < f.first:
			f.drop(low)
		default:
			f.low[node] = min(f.low[node], low)
		}
	}
	if f.low[node] == number {
		f.endComponent(number, bottom)
	}
}

// drop drops a component that an earlier search had kept.
func (f *obsoleteFinder) drop(component int) {
	for i := component; i < len(f.stack) && f.low[f.stack[i]] == component; i++ {
		f.low[f.stack[i]] = gone
	}
}

// endComponent decides over the component that begins at bottom of the stack:
// only the one with the candidate that the search began with is not obsoleted.
func (f *obsoleteFinder) endComponent(number, bottom int) {
	if number != f.first {
		number = gone
	}
	for _, node := range f.stack[bottom:f.top] {
		f.low[node] = number
	}
	f.top = bottom
}
