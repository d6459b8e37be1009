package whatif

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/koschei-ci/koschei/internal/depsolve"
)

// tokens are how the lines name the packages, in the order that these are
// listed in. Only for speed: sorting 250 names for each of 34,000 goals would take
// longer than solving them; so names are sorted once, and lines are put in order
// with a bitmap.
type tokens struct {
	rank  []uint32 // by package ID
	start []int32  // by rank: where its text begins; the next one's begins behind it
	text  []byte   // each token has a blank before it; shortToken bytes follow the last

	distances bool // a token is a name and needs a distance behind it
}

// shortToken is how long nearly all tokens are at most.
const shortToken = 32

func newTokens(u *depsolve.Universe, distances bool) *tokens {
	var all []byte
	order, ends := make([]depsolve.ID, u.Len()), make([]int32, u.Len()+1)
	for i := range order {
		id := depsolve.ID(i + 1)
		order[i] = id
		if all = append(all, ' '); distances {
			all = append(append(all, u.Name(id)...), '/')
		} else {
			all = u.NEVRA(id).AppendLong(all)
		}
		ends[id] = int32(len(all))
	}
	name := func(id depsolve.ID) []byte { return all[ends[id-1]:ends[id]] }
	slices.SortStableFunc(order, func(a, b depsolve.ID) int { return bytes.Compare(name(a), name(b)) })
	t := &tokens{
		rank: make([]uint32, u.Len()+1), start: make([]int32, 0, u.Len()+1),
		text: make([]byte, 0, len(all)+shortToken), distances: distances,
	}
	for rank, id := range order {
		t.rank[id] = uint32(rank)
		t.start = append(t.start, int32(len(t.text)))
		t.text = append(t.text, name(id)...)
	}
	t.start = append(t.start, int32(len(t.text)))
	t.text = append(t.text, make([]byte, shortToken)...)
	return t
}

// append adds the token of the package with the rank to dst. There are nine
// million in a file. Only for speed: to move a fixed number of bytes, some of them too many,
// takes half as long as to move as many as there are.
func (t *tokens) append(dst []byte, rank int) []byte {
	start, end := t.start[rank], t.start[rank+1]
	if end-start > shortToken {
		return append(dst, t.text[start:end]...)
	}
	n := len(dst)
	if cap(dst)-n < shortToken {
		dst = slices.Grow(dst, shortToken)
	}
	dst = dst[:n+shortToken]
	*(*[shortToken]byte)(dst[n:]) = *(*[shortToken]byte)(t.text[start:])
	return dst[:n+int(end-start)]
}

// A lineWriter writes the lines of sets. It belongs to one goroutine. That it is
// not three lines of code is only for speed: writing the lines of a distribution,
// 290 MB, would take longer than all the rest. A nil one writes nothing.
type lineWriter struct {
	*tokens
	distances bool      // tokens.distances, near at hand
	chosen    []uint64  // bitmap of the ranks in the line at hand
	used      []uint64  // bitmap of the words of chosen that are not 0
	levels    []uint64  // by rank/64: the distances, in the order of IDs, three bits each
	distance  []uint8   // by rank
	stretches []stretch // by rank/64
}

// A stretch is 64 packages that follow each other, as the batch had them last.
// Only for speed: most of a line is as in the line before, often for many
// stretches on end, and to copy that takes a fraction of the time of writing it by the package.
type stretch struct {
	chosen, levels uint64
	start, end     int // of its text in the batch
}

// levelsOf is how many packages lineWriter.levels has room for.
const levelsOf = 64 / 3

func (t *tokens) newLineWriter() *lineWriter {
	if t == nil {
		return nil
	}
	ranks := len(t.rank)
	words := ranks/64 + 1
	return &lineWriter{
		tokens: t, distances: t.distances,
		chosen: make([]uint64, words), used: make([]uint64, words/64+1), levels: make([]uint64, words),
		distance: make([]uint8, ranks), stretches: make([]stretch, words),
	}
}

// begin says that lines are appended to another batch from now on.
func (w *lineWriter) begin() {
	if w != nil {
		clear(w.stretches)
	}
}

// append adds the line of the goal that s was last asked about to dst, from
// behind its name on.
func (w *lineWriter) append(dst []byte, s *depsolve.Solver, r depsolve.Result) []byte {
	if !r.OK {
		return w.appendFailure(dst)
	}
	dst = append(dst, "\tOK"...)
	for _, id := range r.Packages {
		rank := w.rank[id]
		w.chosen[rank/64] |= 1 << (rank % 64)
		w.used[rank/64/64] |= 1 << (rank / 64 % 64)
	}
	if w.distances {
		for i, distance := range s.Distances(r.Packages) {
			rank := w.rank[r.Packages[i]]
			w.distance[rank] = distance
			w.levels[rank/64] = w.levels[rank/64]<<3 | uint64(distance)
		}
	}
	return append(w.appendChosen(dst), '\n')
}

// appendFailure adds the line of a goal without a buildroot, from behind its name
// on.
func (w *lineWriter) appendFailure(dst []byte) []byte {
	if w == nil {
		return dst
	}
	return append(dst, "\tFAIL\t\n"...)
}

// appendChosen writes a tab and the packages in the bitmaps, and empties these.
func (w *lineWriter) appendChosen(dst []byte) []byte {
	line, first := len(dst), -1
	copyFrom, copyTo := 0, 0 // what is to be copied to the end of dst
	for i, used := range w.used {
		w.used[i] = 0
		for ; used != 0; used &= used - 1 {
			number := i*64 + bits.TrailingZeros64(used)
			chosen, levels, at := w.chosen[number], w.levels[number], &w.stretches[number]
			w.chosen[number], w.levels[number] = 0, 0
			if first < 0 {
				first = number
			}
			if chosen == at.chosen && levels == at.levels && (!w.distances || bits.OnesCount64(chosen) <= levelsOf) {
				if at.start != copyTo {
					dst = append(dst, dst[copyFrom:copyTo]...)
					copyFrom = at.start
				}
				copyTo = at.end
				at.end = len(dst) + copyTo - copyFrom
				at.start += at.end - copyTo
				continue
			}
			dst = append(dst, dst[copyFrom:copyTo]...)
			copyFrom, copyTo = 0, 0
			*at = stretch{chosen: chosen, levels: levels, start: len(dst)}
			dst = w.appendStretch(dst, number*64, chosen)
			at.end = len(dst)
		}
	}
	dst = append(dst, dst[copyFrom:copyTo]...)
	if first < 0 {
		return append(dst, '\t')
	}
	dst[line] = '\t' // instead of the blank before the first one
	w.stretches[first] = stretch{}
	return dst
}

// appendStretch writes those chosen of a stretch that begins with the rank
// first.
func (w *lineWriter) appendStretch(dst []byte, first int, chosen uint64) []byte {
	for ; chosen != 0; chosen &= chosen - 1 {
		rank := first + bits.TrailingZeros64(chosen)
		dst = w.tokens.append(dst, rank)
		if w.distances {
			dst = append(dst, "-123456789"[w.distance[rank]])
		}
	}
	return dst
}
