package depsolve

// An ID names one package of a Universe: 1 for the first package added, and so
// on. The order is part of the answer, because libsolv sorts by it. Inside the
// solvers a negative ID says that the package is not installed: it is a
// literal of a clause.
type ID int32

// None is the ID of no package.
const None ID = 0

// A table is many short rows in one array. Row 0 belongs to no package, name
// or dependency and is empty.
type table[T any] struct {
	start []int32 // row i is items[start[i]:start[i+1]]
	items []T
}

func newTable[T any]() table[T] { return table[T]{start: []int32{0, 0}} }

// row returns row i, which must not be changed.
func (t *table[T]) row(i int32) []T {
	return t.items[t.start[i]:t.start[i+1]:t.start[i+1]]
}

func (t *table[T]) add(item T) { t.items = append(t.items, item) }

// endRow ends the row that add has filled; the next row begins.
func (t *table[T]) endRow() { t.start = append(t.start, int32(len(t.items))) }

// A pair is a table's item still looking for its row.
type pair[T any] struct {
	row  int32
	item T
}

// tableOf puts pairs into rows 0 to rows-1, each row in the order of pairs.
func tableOf[T any](rows int, pairs []pair[T]) table[T] {
	t := table[T]{start: make([]int32, rows+1), items: make([]T, len(pairs))}
	for _, p := range pairs {
		t.start[p.row+1]++
	}
	for i := range rows {
		t.start[i+1] += t.start[i]
	}
	next := make([]int32, rows)
	copy(next, t.start)
	for _, p := range pairs {
		t.items[next[p.row]] = p.item
		next[p.row]++
	}
	return t
}

// A literalTable has a row per literal.
type literalTable struct {
	table[ID]
	packages int32 // with None
}

func (t *literalTable) rowOf(lit ID) int32 { return int32(lit) + t.packages }

// of returns the row of a literal, which must not be changed.
func (t *literalTable) of(lit ID) []ID { return t.row(t.rowOf(lit)) }

// A span is a part of an array shared by many lists.
type span struct{ off, n int32 }
