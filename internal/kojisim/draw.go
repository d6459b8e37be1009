package kojisim

import (
	"hash/fnv"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// A draw is a source of numbers that depend on nothing but what it was made
// from. Two draws from equal parts give equal numbers.
type draw uint64

// drawFrom makes a draw from a seed and whatever names the thing to be decided.
func drawFrom(seed int64, parts ...string) draw {
	h := fnv.New64a()
	_, _ = io.WriteString(h, strconv.FormatInt(seed, 10))
	for _, p := range parts {
		_, _ = h.Write([]byte{0})
		_, _ = io.WriteString(h, p)
	}
	return draw(h.Sum64())
}

// next steps the draw (splitmix64).
func (d *draw) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// fraction returns a number in [0, 1).
func (d *draw) fraction() float64 { return float64(d.next()>>11) / (1 << 53) }

// below returns a number in [0, n).
func (d *draw) below(n int) int { return int(d.next() % uint64(n)) }

// chance is true with probability p.
func (d *draw) chance(p float64) bool { return d.fraction() < p }

// between returns a duration in [lo, hi), in whole microseconds as a hub has them.
func (d *draw) between(lo, hi time.Duration) time.Duration {
	return (lo + time.Duration(d.fraction()*float64(hi-lo))).Truncate(time.Microsecond)
}

// waiting returns a duration with an exponential distribution around mean.
func (d *draw) waiting(mean time.Duration) time.Duration {
	return time.Duration(-math.Log(1-d.fraction()) * float64(mean)).Truncate(time.Microsecond)
}

// pick returns one of items, which must not be empty.
func pick[T any](d *draw, items []T) T { return items[d.below(len(items))] }

// pickFew returns up to n different ones of items.
func pickFew[T comparable](d *draw, from []T, n int) []T {
	var out []T
	for range n {
		if len(from) == 0 {
			break
		}
		if x := pick(d, from); !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}
