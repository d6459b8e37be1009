package draw

import (
	"hash/fnv"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// A Draw is a source of numbers that depend on nothing but what it was made
// from. Two draws from equal parts give equal numbers.
type Draw uint64

// From makes a draw from a seed and whatever names the thing to be decided.
func From(seed int64, parts ...string) Draw {
	h := fnv.New64a()
	_, _ = io.WriteString(h, strconv.FormatInt(seed, 10))
	for _, p := range parts {
		_, _ = h.Write([]byte{0})
		_, _ = io.WriteString(h, p)
	}
	return Draw(h.Sum64())
}

// Next steps the draw (splitmix64).
func (d *Draw) Next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Fraction returns a number in [0, 1).
func (d *Draw) Fraction() float64 { return float64(d.Next()>>11) / (1 << 53) }

// Below returns a number in [0, n).
func (d *Draw) Below(n int) int { return int(d.Next() % uint64(n)) }

// Chance is true with probability p.
func (d *Draw) Chance(p float64) bool { return d.Fraction() < p }

// Between returns a duration in [lo, hi), in whole microseconds as a hub has them.
func (d *Draw) Between(lo, hi time.Duration) time.Duration {
	return (lo + time.Duration(d.Fraction()*float64(hi-lo))).Truncate(time.Microsecond)
}

// Waiting returns a duration with an exponential distribution around mean.
func (d *Draw) Waiting(mean time.Duration) time.Duration {
	return time.Duration(-math.Log(1-d.Fraction()) * float64(mean)).Truncate(time.Microsecond)
}

// Pick returns one of items, which must not be empty.
func Pick[T any](d *Draw, items []T) T { return items[d.Below(len(items))] }

// Few returns up to n different ones of items.
func Few[T comparable](d *Draw, from []T, n int) []T {
	var out []T
	for range n {
		if len(from) == 0 {
			break
		}
		if x := Pick(d, from); !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}
