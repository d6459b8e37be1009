package depsolve

import "slices"

// A watchList tells which clauses to look at when a literal becomes false.
// Every clause watches two of its literals: as long as neither is false
// nothing follows from the clause. Nothing has to be undone when decisions are
// taken back, so the list lives as long as its Solver, and clauses come to
// watch literals that are rarely false.
//
// The order in which clauses are looked at then depends on earlier goals. That
// is of no consequence, unless weak dependencies are followed: these are
// installed in the order in which the packages that recommend them were decided
// for. With remember set, moves are undone after each goal.
type watchList struct {
	heads    []int32 // per literal, from -n to n: its first clause
	nodes    []watch // per clause
	remember bool
	moves    []move
}

// A move notes that a clause has come to watch another literal.
type move struct {
	clause int32
	which  int    // of its two
	lit    ID     // watched before
	at     *int32 // the link that led to the clause in its old chain
}

type watch struct {
	lits [2]ID
	next [2]int32 // the next clause that watches lits[0], lits[1]
}

func (u *Universe) newWatchList() watchList {
	w := watchList{
		heads: make([]int32, 2*len(u.pkgs)),
		nodes: make([]watch, len(u.rules.clauses)),
	}
	for i := len(u.rules.clauses) - 1; i > 0; i-- {
		rest := u.rest(&u.rules.clauses[i])
		w.nodes[i].lits = [2]ID{rest[len(rest)-1], rest[len(rest)-2]}
		for k, lit := range w.nodes[i].lits {
			head := w.head(lit)
			w.nodes[i].next[k] = *head
			*head = int32(i)
		}
	}
	return w
}

// head is where the chain of a literal begins.
func (w *watchList) head(lit ID) *int32 { return &w.heads[int(lit)+len(w.heads)/2] }

// visitWatches looks at the clauses that watch a literal which has become
// false. It returns false when it finds a conflict.
func (s *Solver) visitWatches(lit ID) bool {
	w := &s.watches
	for at := w.head(lit); *at != 0; {
		clause := *at
		node := &w.nodes[clause]
		mine := 0
		if node.lits[0] != lit {
			mine = 1
		}
		other := node.lits[1-mine]
		if better := s.betterWatch(clause, other); better != 0 {
			w.move(clause, mine, better, at)
			continue
		}
		if !s.decide(other) {
			return false
		}
		at = &node.next[mine]
	}
	return true
}

// move has a clause watch lit instead of the literal whose chain at is a link
// of.
func (w *watchList) move(clause int32, which int, lit ID, at *int32) {
	node := &w.nodes[clause]
	if w.remember {
		w.moves = append(w.moves, move{clause, which, node.lits[which], at})
	}
	*at = node.next[which]
	head := w.head(lit)
	node.lits[which], node.next[which] = lit, *head
	*head = clause
}

// undo takes back all moves remembered. The last comes first, so that each
// finds the chains as it left them.
func (w *watchList) undo() {
	for _, m := range slices.Backward(w.moves) {
		node := &w.nodes[m.clause]
		*w.head(node.lits[m.which]) = node.next[m.which]
		node.lits[m.which], node.next[m.which] = m.lit, *m.at
		*m.at = m.clause
	}
	w.moves = w.moves[:0]
}

// betterWatch finds a literal that a clause should watch instead of a false
// one, or returns 0. The other literal that it watches must stay.
func (s *Solver) betterWatch(clause int32, other ID) ID {
	c := &s.u.rules.clauses[clause]
	if s.isTrue(other) {
		// Some packages are decided against for nearly every goal, because they
		// conflict with a common one. That the first literal, a package not
		// being installed, becomes false is rare. It must not change the order
		// of decisions where that counts.
		if !s.weak && c.first != other && !s.isFalse(c.first) {
			return c.first
		}
		return 0
	}
	for _, lit := range s.u.rest(c) {
		if lit != other && !s.isFalse(lit) {
			return lit
		}
	}
	if c.first != other && !s.isFalse(c.first) {
		return c.first
	}
	return 0
}
